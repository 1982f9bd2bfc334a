/*
 * What an administrator can do with the table: each verb is implemented once, on a table and in a
 * transaction, for tabled (which does it for dbtool) and for dbtool itself (when tabled does not run).
 */
#ifndef ANGARIUM_TABLED_ADMIN_H
#define ANGARIUM_TABLED_ADMIN_H

#include "common/ipc/proto_admin.h"
#include "common/ipc/wire.h"
#include "tabled/index.h"
#include "tabled/resolve.h"
#include "tabled/view.h"

struct admin_call {
	enum admin_verb verb;
	enum admin_noun noun;
	uint32_t flags;  /* enum admin_flag */
	uint32_t fields; /* enum admin_field */
	struct slice name;
	struct slice record;
	struct slice item;   /* name of an app password, or empty */
	struct slice secret; /* a password as it is, or empty */
};

struct admin_reply {
	enum admin_status status;
	uint64_t count;
	char message[ADMIN_MESSAGE_SIZE];
};

/*
 * The fields of the frames ADMIN_CALL and ADMIN_REPLY. Slices of a call point into the payload. Reading:
 * false when malformed.
 */
void admin_call_put(struct wire_writer *writer, const struct admin_call *call);
bool admin_call_get(struct wire_reader *reader, struct admin_call *call_r);
void admin_reply_put(struct wire_writer *writer, const struct admin_reply *reply);
bool admin_reply_get(struct wire_reader *reader, struct admin_reply *reply_r);

/* The fields of ADMIN_RECORD. */
struct admin_record {
	enum admin_noun noun;
	struct slice name;
	struct slice record;
};

void admin_record_put(struct wire_writer *writer, const struct admin_record *record);
bool admin_record_get(struct wire_reader *reader, struct admin_record *record_r);

struct admin {
	/* set by the caller */
	struct table *table;
	const struct resolve_settings *settings;
	int file;                      /* of the call; position and contents are used */
	struct index_changes *changes; /* receives what was changed when all went well; NULL: not wanted */
	/* Optional: called now and then; false breaks the call off. */
	bool (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;

	/* the result */
	struct admin_reply reply;

	/* used by admin_*.c */
	struct view view;
	struct view_table reader;
	struct buffer scratch; /* the record that is being encoded */
	struct buffer output;  /* frames not yet in the file */
};

/*
 * Does CALL and fills in admin->reply. A change is durable when the status is ADMIN_OK; after any other there
 * was none.
 */
void admin_run(struct admin *admin, const struct admin_call *call);

#endif
