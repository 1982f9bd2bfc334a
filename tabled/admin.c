/*
 * Runs an administrator's call in a transaction, and what the verbs share.
 */
#include "tabled/admin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/io/durable.h"
#include "tabled/admin_verbs.h"

enum {
	OUTPUT_FLUSH = 64 * 1024,       /* bytes gathered before they go to the file */
	OUTPUT_LIMIT = 8 * 1024 * 1024, /* bytes: one record always fits */
};

struct admin_verb_entry {
	enum admin_noun noun;
	enum admin_verb verb;
	bool changes;
	admin_verb_function *run;
};

static const struct admin_verb_entry verbs[] = {
	{ ADMIN_DOMAIN, ADMIN_ADD, true, admin_domain_add },
	{ ADMIN_DOMAIN, ADMIN_DELETE, true, admin_domain_delete },
	{ ADMIN_DOMAIN, ADMIN_SET, true, admin_domain_set },
	{ ADMIN_DOMAIN, ADMIN_SHOW, false, admin_show },
	{ ADMIN_DOMAIN, ADMIN_LIST, false, admin_list },
	{ ADMIN_USER, ADMIN_ADD, true, admin_user_add },
	{ ADMIN_USER, ADMIN_DELETE, true, admin_user_delete },
	{ ADMIN_USER, ADMIN_SET, true, admin_user_set },
	{ ADMIN_USER, ADMIN_SHOW, false, admin_show },
	{ ADMIN_USER, ADMIN_LIST, false, admin_list },
	{ ADMIN_ALIAS, ADMIN_ADD, true, admin_alias_add },
	{ ADMIN_ALIAS, ADMIN_DELETE, true, admin_alias_delete },
	{ ADMIN_ALIAS, ADMIN_SET, true, admin_alias_set },
	{ ADMIN_ALIAS, ADMIN_SHOW, false, admin_show },
	{ ADMIN_ALIAS, ADMIN_LIST, false, admin_list },
	{ ADMIN_ROUTE, ADMIN_ADD, true, admin_route_add },
	{ ADMIN_ROUTE, ADMIN_DELETE, true, admin_route_delete },
	{ ADMIN_ROUTE, ADMIN_SET, true, admin_route_set },
	{ ADMIN_ROUTE, ADMIN_SHOW, false, admin_show },
	{ ADMIN_ROUTE, ADMIN_LIST, false, admin_list },
	{ ADMIN_TABLE, ADMIN_LIST, false, admin_list },
	{ ADMIN_TABLE, ADMIN_IMPORT, true, admin_import },
	{ ADMIN_TABLE, ADMIN_CHECK, false, admin_check },
};

static const struct admin_verb_entry *
admin_find(const struct admin_call *call)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].noun == call->noun && verbs[i].verb == call->verb)
			return &verbs[i];
	return NULL;
}

enum admin_status
admin_say(struct admin *admin, enum admin_status status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(admin->reply.message, sizeof(admin->reply.message), format, arguments);
	va_end(arguments);
	return status;
}

enum admin_status
admin_storage(struct admin *admin, int error)
{
	if (error == -EBADMSG)
		return admin_say(admin, ADMIN_TEMPORARY, "a record is damaged; run: dbtool check");
	if (error == -EMSGSIZE || error == -ENOBUFS)
		return admin_say(admin, ADMIN_INVALID, "the record is too large");
	if (error == -ECANCELED)
		return admin_say(admin, ADMIN_TEMPORARY, "broken off; nothing was changed");
	if (error == -ENOMEM)
		return admin_say(admin, ADMIN_TEMPORARY, "out of memory");
	return admin_say(admin, ADMIN_TEMPORARY, "%s", table_message(admin->table));
}

static int
admin_remember(struct admin *admin, enum table_space space, struct slice key, struct slice value,
               bool deleted)
{
	struct index_entry *entry;

	if (admin->changes == NULL)
		return 0;
	entry = index_entry_new(space, key, value, deleted);
	if (entry == NULL)
		return -ENOMEM;
	STAILQ_INSERT_TAIL(admin->changes, entry, queued);
	return 0;
}

int
admin_store(struct admin *admin, enum table_space space, struct slice key, struct slice value)
{
	int error = table_put(admin->table, space, key, value);

	return error != 0 ? error : admin_remember(admin, space, key, value, false);
}

int
admin_remove(struct admin *admin, enum table_space space, struct slice key)
{
	int error = table_delete(admin->table, space, key);

	return error != 0 ? error : admin_remember(admin, space, key, SLICE(""), true);
}

bool
admin_progress(struct admin *admin, uint64_t done, uint64_t total)
{
	return admin->progress == NULL || admin->progress(admin->context, done, total);
}

int
admin_output_flush(struct admin *admin)
{
	struct slice rest = buffer_slice(&admin->output);
	int error = durable_write(admin->file, rest.data, rest.length);

	buffer_clear(&admin->output);
	return error;
}

static int
admin_output_end(struct admin *admin, struct wire_writer *writer)
{
	int error = wire_end(writer);

	if (error == 0 && buffer_length(&admin->output) >= OUTPUT_FLUSH)
		error = admin_output_flush(admin);
	return error;
}

int
admin_output_record(struct admin *admin, const struct admin_record *record)
{
	struct wire_writer writer = wire_begin(&admin->output, ADMIN_RECORD, 0, 0);

	admin_record_put(&writer, record);
	return admin_output_end(admin, &writer);
}

int
admin_output_note(struct admin *admin, const char *format, ...)
{
	struct wire_writer writer = wire_begin(&admin->output, ADMIN_NOTE, 0, 0);
	char text[ADMIN_MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	wire_put_string(&writer, text);
	return admin_output_end(admin, &writer);
}

enum admin_status
admin_add(struct admin *admin, const struct admin_call *call)
{
	switch (call->noun) {
	case ADMIN_DOMAIN:
		return admin_domain_add(admin, call);
	case ADMIN_USER:
		return admin_user_add(admin, call);
	case ADMIN_ALIAS:
		return admin_alias_add(admin, call);
	case ADMIN_ROUTE:
		return admin_route_add(admin, call);
	default:
		return admin_say(admin, ADMIN_INVALID, "there is no such kind of record");
	}
}

static enum admin_status
admin_transact(struct admin *admin, const struct admin_verb_entry *entry, const struct admin_call *call)
{
	int error = table_begin(admin->table);
	enum admin_status status;

	if (error != 0)
		return admin_storage(admin, error);
	status = entry->run(admin, call);
	if (status != ADMIN_OK) {
		table_abort(admin->table);
		return status;
	}
	error = table_commit(admin->table);
	if (error != 0)
		return admin_storage(admin, error);
	/* Its failure costs time at the next recovery, nothing else. */
	(void)table_checkpoint(admin->table);
	return ADMIN_OK;
}

void
admin_run(struct admin *admin, const struct admin_call *call)
{
	const struct admin_verb_entry *entry = admin_find(call);

	admin->reply = (struct admin_reply){ 0 };
	if (entry == NULL) {
		admin->reply.status = admin_say(admin, ADMIN_INVALID, "there is no such command");
		return;
	}
	admin->view = view_of_table(&admin->reader, admin->table);
	buffer_init(&admin->scratch, TABLE_VALUE_MAX);
	buffer_init(&admin->output, OUTPUT_LIMIT);
	admin->reply.status = entry->changes ? admin_transact(admin, entry, call) : entry->run(admin, call);
	if (admin->reply.status != ADMIN_OK) {
		admin->reply.count = 0;
		if (admin->changes != NULL)
			index_changes_free(admin->changes);
	}
	view_table_free(&admin->reader);
	buffer_free(&admin->scratch);
	buffer_free(&admin->output);
}
