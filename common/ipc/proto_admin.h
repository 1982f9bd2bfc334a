/*
 * dbtool asks tabled to change or to show the table, over tabled-admin.sock.
 *
 * A call carries the descriptor of a regular file (a memfd) that belongs to the call: dbtool puts there what
 * is to be imported, and tabled what is listed. So a call is one frame however much it moves, and tabled
 * reads and writes at its own speed. The file holds frames like those of a channel: ADMIN_RECORD and
 * ADMIN_NOTE.
 *
 * One call at a time on a connection.
 */
#ifndef ANGARIUM_IPC_PROTO_ADMIN_H
#define ANGARIUM_IPC_PROTO_ADMIN_H

enum {
	ADMIN_FRAME_MAX = 4 * 1024 * 1024, /* bytes of the largest payload, on the channel and in the file */
	ADMIN_MESSAGE_SIZE = 1024,         /* bytes of a message, with its NUL */
};

enum admin_type {
	/*
	 * dbtool -> tabled, with a descriptor: u8 verb (enum admin_verb); u8 noun (enum admin_noun); u32
	 * flags (enum admin_flag); u32 fields (enum admin_field: which of the record's fields are meant by
	 * ADMIN_SET); string name; slice record (tabled/record.h; empty when the verb needs none); string item (the name of an
	 * app password, else empty); slice secret (a new password or app password, as it is; empty when there is none).
	 */
	ADMIN_CALL = 1,
	/*
	 * tabled -> dbtool: u8 status (enum admin_status); u64 count (records changed, shown, or found
	 * wrong); string message for people, may be empty
	 */
	ADMIN_REPLY = 2,
	/*
	 * tabled -> dbtool, any number before the reply: u64 done, u64 total (records or bytes; only their
	 * ratio counts)
	 */
	ADMIN_PROGRESS = 3,

	/*
	 * in the file; the request id is the line that it came from, or 0; u8 noun; string name; slice record
	 */
	ADMIN_RECORD = 4,
	/* in the file: string text; a line for people (ADMIN_CHECK) */
	ADMIN_NOTE = 5,
};

enum admin_noun {
	ADMIN_TABLE = 0, /* all of it */
	ADMIN_DOMAIN = 1,
	ADMIN_USER = 2,
	ADMIN_ALIAS = 3,
	ADMIN_ROUTE = 4,
};

enum admin_verb {
	ADMIN_ADD = 1,
	ADMIN_DELETE = 2,
	ADMIN_SET = 3,
	ADMIN_SHOW = 4, /* the record NAME into the file */
	ADMIN_LIST = 5, /* all records of the noun (of the domain NAME, when it is not empty) into the file */
	ADMIN_IMPORT = 6, /* the records in the file are added, all or none */
	ADMIN_CHECK = 7,  /* what contradicts itself in the table, as notes into the file */
};

enum admin_flag {
	ADMIN_IF_EXISTS = 1,     /* delete, set: success when there is no such record */
	ADMIN_IF_NOT_EXISTS = 2, /* add, import: success, and no change, when there is one */
	ADMIN_RECURSIVE = 4,     /* delete a domain with its users and aliases */
};

enum admin_field {
	ADMIN_FIELD_ENABLED = 1,
	ADMIN_FIELD_KIND = 2,      /* of a domain */
	ADMIN_FIELD_PASSWORD = 4,  /* of a user; so are the next three */
	ADMIN_FIELD_PATH = 8,
	ADMIN_FIELD_QUOTA = 16,
	ADMIN_FIELD_SEND_AS = 32,
	ADMIN_FIELD_TARGETS = 64,        /* of an alias: these replace what is there */
	ADMIN_FIELD_TARGETS_ADD = 128,   /* these are added */
	ADMIN_FIELD_TARGETS_REMOVE = 256, /* these are taken out */
	ADMIN_FIELD_SECRET_ADD = 512,    /* of a user: the app password ITEM */
	ADMIN_FIELD_SECRET_REMOVE = 1024,
	/*
	 * Of a user, and only by tabled itself: the SCRAM keys of the password are those in the record, if the hash and the salt in it
	 * are those in the table.
	 */
	ADMIN_FIELD_KEYS = 2048,
};

enum admin_status {
	ADMIN_OK = 0,        /* durable, if it was a change */
	ADMIN_NOT_FOUND = 1,
	ADMIN_EXISTS = 2,
	ADMIN_INVALID = 3,   /* the name or record is wrong in itself */
	ADMIN_REFUSED = 4,   /* it contradicts what is in the table */
	ADMIN_TEMPORARY = 5, /* nothing was changed; try again later */
};

#endif
