/*
 * Verbs on aliases.
 */
#include <errno.h>

#include "tabled/admin_verbs.h"

/* An alias whose name was checked, and its targets before and after. */
struct admin_alias {
	struct name name;
	char address[ADMIN_NAME_SIZE];
	struct record_alias record; /* as it was */
	struct buffer targets;      /* memory for the list that is to be put */
};

static enum admin_status
admin_alias_name(struct admin *admin, const struct admin_call *call, struct admin_alias *alias)
{
	if (!name_check(call->name, NAME_CATCH_ALL | NAME_POSTMASTER, &alias->name))
		return admin_say(admin, ADMIN_INVALID,
		                 "\"%.*s\" is no name of an alias; it is an address, \"@example.org\" for "
		                 "all else, or \"postmaster\"",
		                 (int)slice_first(call->name, 100).length, call->name.data);
	name_address(&alias->name, alias->address);
	return ADMIN_OK;
}

/*
 * Puts the alias and looks where it leads: only then can a circle be seen. The transaction is given up when
 * there is one.
 */
static enum admin_status
admin_alias_put(struct admin *admin, const struct admin_alias *alias, const struct record_alias *record)
{
	int error;

	if (record->targets.count == 0)
		return admin_say(admin, ADMIN_INVALID,
		                 "alias %s has no target; to remove it: dbtool alias del %s", alias->address,
		                 alias->address);
	buffer_clear(&admin->scratch);
	error = record_alias_encode(record, &admin->scratch);
	if (error == 0)
		error = admin_store(admin, TABLE_SPACE_ALIAS, name_key(&alias->name),
		                    buffer_slice(&admin->scratch));
	if (error != 0)
		return admin_storage(admin, error);
	error = resolve_check_alias(&admin->view, admin->settings, &alias->name, record->targets);
	if (error == -ELOOP)
		return admin_say(admin, ADMIN_REFUSED, "alias %s would lead back to itself", alias->address);
	if (error == -E2BIG)
		return admin_say(
			admin, ADMIN_REFUSED,
			"alias %s would lead to more than %u addresses or through more than %u aliases "
			"(alias_targets, alias_depth)",
			alias->address, admin->settings->targets, admin->settings->depth);
	if (error != 0)
		return admin_storage(admin, error);
	admin->reply.count++;
	return ADMIN_OK;
}

static enum admin_status
admin_alias_add_named(struct admin *admin, const struct admin_call *call, struct admin_alias *alias)
{
	struct record_alias record;
	enum admin_status status = admin_need_domain(admin, &alias->name);
	int error;

	if (status != ADMIN_OK)
		return status;
	error = view_alias(&admin->view, name_key(&alias->name), &alias->record);
	if (error == 0) {
		status = (call->flags & ADMIN_IF_NOT_EXISTS) != 0 ? ADMIN_OK : ADMIN_EXISTS;
		return admin_say(admin, status, "alias %s exists already; to change it: dbtool alias set",
		                 alias->address);
	}
	if (error != -ENOENT)
		return admin_storage(admin, error);
	if (!record_alias_decode(call->record, &record))
		return admin_say(admin, ADMIN_INVALID, "the record of alias %s is malformed", alias->address);
	status = admin_addresses(admin, record.targets, &alias->targets, &record.targets);
	if (status == ADMIN_OK)
		status = admin_alias_put(admin, alias, &record);
	return status != ADMIN_OK ? status : admin_say(admin, ADMIN_OK, "alias %s added", alias->address);
}

/* FROM without what is in REMOVED, and then what is in ADDED and not yet there, appended to OUT. */
static int
admin_targets_merge(struct record_list from, struct record_list added, struct record_list removed,
                    struct buffer *out, struct record_list *list_r)
{
	uint32_t count = 0;
	struct slice item;
	int error = 0;

	while (error == 0 && record_list_next(&from, &item))
		if (!record_list_contains(removed, item) && !record_list_contains(added, item))
			error = record_list_add(out, &count, item);
	while (error == 0 && record_list_next(&added, &item))
		error = record_list_add(out, &count, item);
	*list_r = (struct record_list){ .count = count, .bytes = buffer_slice(out) };
	return error;
}

/* What the alias has (in alias->record), changed by the list GIVEN as FIELDS says. */
static enum admin_status
admin_alias_change(struct admin *admin, struct admin_alias *alias, uint32_t fields, struct record_list given)
{
	struct record_list none = { .count = 0 };
	struct buffer checked;
	enum admin_status status;
	int error = 0;

	buffer_init(&checked, TABLE_VALUE_MAX);
	status = admin_addresses(admin, given, &checked, &given);
	if (status == ADMIN_OK && (fields & ADMIN_FIELD_TARGETS) != 0)
		error = admin_targets_merge(none, given, none, &alias->targets, &alias->record.targets);
	else if (status == ADMIN_OK && (fields & ADMIN_FIELD_TARGETS_ADD) != 0)
		error = admin_targets_merge(alias->record.targets, given, none, &alias->targets,
		                            &alias->record.targets);
	else if (status == ADMIN_OK)
		error = admin_targets_merge(alias->record.targets, none, given, &alias->targets,
		                            &alias->record.targets);
	buffer_free(&checked);
	if (status != ADMIN_OK)
		return status;
	if (error == -E2BIG)
		return admin_say(admin, ADMIN_REFUSED, "an alias has at most %d targets", RECORD_LIST_MAX);
	return error != 0 ? admin_storage(admin, error) : ADMIN_OK;
}

static enum admin_status
admin_alias_set_named(struct admin *admin, const struct admin_call *call, struct admin_alias *alias)
{
	const uint32_t lists = ADMIN_FIELD_TARGETS | ADMIN_FIELD_TARGETS_ADD | ADMIN_FIELD_TARGETS_REMOVE;
	struct record_alias change;
	enum admin_status status = ADMIN_OK;
	struct buffer targets;
	int error;

	if (!record_alias_decode(call->record, &change))
		return admin_say(admin, ADMIN_INVALID, "the record of alias %s is malformed", alias->address);
	error = view_alias(&admin->view, name_key(&alias->name), &alias->record);
	if (error == -ENOENT) {
		status = (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND;
		return admin_say(admin, status, "there is no alias %s", alias->address);
	}
	if (error != 0)
		return admin_storage(admin, error);
	/* The old list lies in admin->reader, which the checks that follow read into. */
	buffer_init(&targets, TABLE_VALUE_MAX);
	error = buffer_append_slice(&targets, alias->record.targets.bytes);
	alias->record.targets.bytes = buffer_slice(&targets);
	if (error != 0)
		status = admin_storage(admin, error);
	if (status == ADMIN_OK && (call->fields & lists) != 0)
		status = admin_alias_change(admin, alias, call->fields, change.targets);
	if ((call->fields & ADMIN_FIELD_ENABLED) != 0)
		alias->record.enabled = change.enabled;
	if (status == ADMIN_OK)
		status = admin_alias_put(admin, alias, &alias->record);
	buffer_free(&targets);
	return status != ADMIN_OK ? status : admin_say(admin, ADMIN_OK, "alias %s changed", alias->address);
}

static enum admin_status
admin_alias_run(struct admin *admin, const struct admin_call *call,
                enum admin_status (*run)(struct admin *, const struct admin_call *, struct admin_alias *))
{
	struct admin_alias alias;
	enum admin_status status;

	buffer_init(&alias.targets, TABLE_VALUE_MAX);
	status = admin_alias_name(admin, call, &alias);
	if (status == ADMIN_OK)
		status = run(admin, call, &alias);
	buffer_free(&alias.targets);
	return status;
}

enum admin_status
admin_alias_add(struct admin *admin, const struct admin_call *call)
{
	return admin_alias_run(admin, call, admin_alias_add_named);
}

enum admin_status
admin_alias_set(struct admin *admin, const struct admin_call *call)
{
	return admin_alias_run(admin, call, admin_alias_set_named);
}

enum admin_status
admin_alias_delete(struct admin *admin, const struct admin_call *call)
{
	struct admin_alias alias;
	enum admin_status status = admin_alias_name(admin, call, &alias);
	int error;

	if (status != ADMIN_OK)
		return status;
	error = admin_remove(admin, TABLE_SPACE_ALIAS, name_key(&alias.name));
	if (error == -ENOENT) {
		status = (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND;
		return admin_say(admin, status, "there is no alias %s", alias.address);
	}
	if (error != 0)
		return admin_storage(admin, error);
	admin->reply.count = 1;
	return admin_say(admin, ADMIN_OK, "alias %s deleted", alias.address);
}
