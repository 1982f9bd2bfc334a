/*
 * What tabled answers. Four UNIX sockets, one for each kind of peer, each with its own questions.
 *
 * Fields are listed in their order, as in common/ipc/wire.h: "u8 class" is wire_put_u8. A reply has the request id of its question.
 */
#ifndef ANGARIUM_IPC_PROTO_TABLE_H
#define ANGARIUM_IPC_PROTO_TABLE_H

/* common to all four */
enum {
	TABLE_ADDRESS_MAX = 320,   /* bytes of an address local-part@domain (RFC 5321 4.5.3.1: 64 + 1 + 255) */
	TABLE_PATH_MAX = 512,      /* bytes of a mailbox path, with its NUL */
	TABLE_TICKET_SIZE = 16,    /* bytes */
	TABLE_TICKET_SECONDS = 10, /* for which a ticket is good */
	TABLE_PASSWORD_MAX = 1024, /* bytes */
	TABLE_FOLDER_MAX = 200,    /* bytes of a folder name, with its NUL */
	TABLE_FRAME_MAX = 4 * 1024 * 1024, /* bytes of the largest payload */
	TABLE_TARGETS_MAX = 10000,   /* final targets that one address may expand to */
};

enum table_type {
	/* tabled-smtpd: string address (local-part@domain, unquoted; a local-part alone means postmaster) */
	TABLE_LOOKUP = 1,
	/* u8 class (enum table_class) */
	TABLE_LOOKUP_REPLY = 2,

	/* tabled-queued: string address */
	TABLE_EXPAND = 3,
	/*
	 * u8 class, and when that is LOCAL, ALIAS, RELAY or REMOTE (the last two: exactly one target, the address itself): u32 count, then for each target:
	 * u8 kind (enum table_target); string address (the final one, canonical: for a mailbox the login, with its subaddress when one was given); for a
	 * mailbox string path (relative to the mail root), u64 quota (bytes, 0: none), string folder ("" is the inbox); for a remote one the route
	 * (common/mail/route.h), u8 backup (1: its domain is one that we relay for).
	 */
	TABLE_EXPAND_REPLY = 4,

	/* tabled-login, tabled-smtpd: string service ("pop3"); string client address in numbers; string login; slice password */
	TABLE_AUTH = 5,
	/*
	 * u8 result (enum table_auth); when OK: slice ticket (TABLE_TICKET_SIZE; on tabled-smtpd empty: no mailbox opens by it), string
	 * canonical login, string server-final message of SCRAM (empty for TABLE_AUTH)
	 */
	TABLE_AUTH_REPLY = 6,

	/* tabled-session: slice ticket */
	TABLE_REDEEM = 7,
	/* u8 result; when OK: string login (canonical), string folder ("" is the inbox), string path, u64 quota */
	TABLE_REDEEM_REPLY = 8,

	/*
	 * tabled-login, tabled-smtpd: string service; string client address; u8 1 for SCRAM-SHA-256-PLUS, 0 for SCRAM-SHA-256; slice tls-exporter
	 * binding, slice tls-server-end-point binding (each empty when there is none); slice client-first message
	 */
	TABLE_SCRAM_BEGIN = 9,
	/* u8 result; when OK: u64 exchange, slice server-first message */
	TABLE_SCRAM_CHALLENGE = 10,
	/* u64 exchange; slice client-final message. Answered by TABLE_AUTH_REPLY; the exchange is over. */
	TABLE_SCRAM_FINISH = 11,
	/* u64 exchange: it is given up. No reply, request id 0. */
	TABLE_SCRAM_ABORT = 12,

	/* tabled-smtpd: string canonical login; string address (local-part@domain, unquoted) */
	TABLE_MAY_SEND = 13,
	/* u8 result (enum table_may_send) */
	TABLE_MAY_SEND_REPLY = 14,
};

enum table_class {
	TABLE_LOCAL = 0,        /* a mailbox */
	TABLE_ALIAS = 1,        /* an alias, or catch-all */
	TABLE_RELAY = 2,        /* in a domain that we relay for (backup MX) */
	TABLE_REMOTE = 3,       /* the domain is none of ours */
	TABLE_NO_USER = 4,      /* our domain, but no such mailbox */
	TABLE_DISABLED = 5,     /* the mailbox or domain is disabled */
	TABLE_LOOP = 6,         /* aliases lead in a circle, or too far */
	TABLE_TEMPORARY = 7,    /* ask again later */
};

enum table_target {
	TABLE_TARGET_MAILBOX = 0,
	TABLE_TARGET_REMOTE = 1,
};

enum table_auth {
	TABLE_AUTH_OK = 0,
	TABLE_AUTH_FAILED = 1,   /* unknown user, wrong password, disabled: not told apart */
	TABLE_AUTH_TEMPORARY = 2,
	TABLE_AUTH_MALFORMED = 3, /* a message of SCRAM that is none */
};

enum table_may_send {
	TABLE_MAY_SEND_YES = 0,  /* it is the user's address, or an alias that leads to the user */
	TABLE_MAY_SEND_NO = 1,
	TABLE_MAY_SEND_LATER = 2, /* ask again later */
};

#endif
