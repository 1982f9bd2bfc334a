/*
 * Check: reads every record and notes what is damaged or contradicts itself.
 */
#include <errno.h>

#include "common/mail/address.h"
#include "common/mail/maildir.h"
#include "tabled/admin_verbs.h"

struct check {
	struct admin *admin;
	struct view view;          /* of its own: the scan is still on its record */
	struct view_table reader;
	uint64_t records;
};

static int
check_note(struct check *check, const char *what, struct slice key, const char *problem)
{
	char address[ADMIN_NAME_SIZE];
	struct name name;

	check->admin->reply.count++;
	if (!name_from_key(key, &name))
		return admin_output_note(check->admin, "%s %.*s: %s", what,
		                         (int)slice_first(key, TABLE_ADDRESS_MAX).length, key.data, problem);
	name_address(&name, address);
	return admin_output_note(check->admin, "%s %s: %s", what, address, problem);
}

static int
check_progress(struct check *check)
{
	if (++check->records % ADMIN_PROGRESS_EVERY != 0)
		return 0;
	return admin_progress(check->admin, 0, 0) ? 0 : -ECANCELED;
}

static int
check_domain(void *context, struct slice key, struct slice value)
{
	struct check *check = context;
	struct record_domain domain;
	char name[ADDRESS_DOMAIN_MAX + 1];

	if (!name_check_domain(key, name))
		return check_note(check, "domain", key, "is no domain name");
	if (!record_domain_decode(value, &domain))
		return check_note(check, "domain", key, "its record is damaged");
	return check_progress(check);
}

/* The domain that KEY lies in is there and local. 0, or what check_note returned, or an error. */
static int
check_inside(struct check *check, const char *what, struct slice key, struct name *name_r)
{
	struct record_domain domain;
	int error;

	if (!name_from_key(key, name_r))
		return check_note(check, what, key, "its key is damaged");
	if (name_r->domain == 0)
		return 0;
	error = view_domain(&check->view, name_domain(name_r), &domain);
	if (error == -ENOENT)
		return check_note(check, what, key, "its domain is not there");
	if (error == -EBADMSG)
		return 0; /* noted with the domain */
	if (error == 0 && domain.kind == RECORD_DOMAIN_RELAY)
		return check_note(check, what, key, "its domain is relayed");
	return error;
}

static int
check_user(void *context, struct slice key, struct slice value)
{
	struct check *check = context;
	struct record_user user;
	struct name name;
	int error = check_inside(check, "user", key, &name);

	if (error == 0 && !record_user_decode(value, &user))
		return check_note(check, "user", key, "its record is damaged");
	if (error == 0 && maildir_path_check(user.path) != 0)
		error = check_note(check, "user", key, "its mailbox path is not allowed");
	return error != 0 ? error : check_progress(check);
}

/* Targets in our own domains must lead somewhere. */
static int
check_targets(struct check *check, struct slice key, struct record_list targets)
{
	struct slice target;
	int error = 0;

	while (error == 0 && record_list_next(&targets, &target)) {
		uint32_t count;
		enum table_class class =
			resolve_expand(&check->view, check->admin->settings, target, NULL, &count);

		if (class == TABLE_NO_USER)
			error = check_note(check, "alias", key, "a target does not exist");
		else if (class == TABLE_DISABLED)
			error = check_note(check, "alias", key, "a target is disabled");
		else if (class == TABLE_TEMPORARY)
			error = check_note(check, "alias", key, "a target could not be followed");
	}
	return error;
}

static int
check_alias(void *context, struct slice key, struct slice value)
{
	struct check *check = context;
	struct record_alias alias;
	struct name name;
	int error = check_inside(check, "alias", key, &name);

	if (error == 0 && !record_alias_decode(value, &alias))
		return check_note(check, "alias", key, "its record is damaged");
	if (error != 0)
		return error;
	error = resolve_check_alias(&check->view, check->admin->settings, &name, alias.targets);
	if (error == -ELOOP)
		return check_note(check, "alias", key, "it leads back to itself");
	if (error == -E2BIG)
		return check_note(check, "alias", key,
		                  "it leads too far, or to too many (alias_depth, alias_targets)");
	error = check_targets(check, key, alias.targets);
	return error != 0 ? error : check_progress(check);
}

static bool
check_socket_allowed(const struct check *check, struct slice path)
{
	const struct config_paths *allowed = &check->admin->settings->relay_sockets;

	for (size_t i = 0; i < allowed->count; i++)
		if (slice_equal(path, slice_from_string(allowed->list[i])))
			return true;
	return false;
}

static int
check_route(void *context, struct slice key, struct slice value)
{
	struct check *check = context;
	struct record_domain domain = { .kind = RECORD_DOMAIN_RELAY };
	char name[NAME_ROUTE_SIZE];
	struct route route;
	int error;

	if (!name_check_route(key, name))
		return check_note(check, "route", key, "is neither a domain name, nor one after a dot, nor \"*\"");
	if (!record_route_decode(value, &route))
		return check_note(check, "route", key, "its record is damaged");
	error = view_domain(&check->view, key, &domain);
	if (error != 0 && error != -ENOENT && error != -EBADMSG) /* a damaged domain is noted with the domains */
		return error;
	if (domain.kind == RECORD_DOMAIN_LOCAL)
		error = check_note(check, "route", key, "is never taken: the domain is local");
	else if (route.kind == ROUTE_LMTP_SOCKET && !check_socket_allowed(check, route.host))
		error = check_note(check, "route", key, "its socket is not among those of relay_sockets");
	else
		error = 0;
	return error != 0 ? error : check_progress(check);
}

enum admin_status
admin_check(struct admin *admin, const struct admin_call *call)
{
	struct check check = { .admin = admin };
	int error;

	(void)call;
	check.view = view_of_table(&check.reader, admin->table);
	error = table_scan(admin->table, TABLE_SPACE_DOMAIN, SLICE(""), check_domain, &check);
	if (error == 0)
		error = table_scan(admin->table, TABLE_SPACE_USER, SLICE(""), check_user, &check);
	if (error == 0)
		error = table_scan(admin->table, TABLE_SPACE_ALIAS, SLICE(""), check_alias, &check);
	if (error == 0)
		error = table_scan(admin->table, TABLE_SPACE_ROUTE, SLICE(""), check_route, &check);
	view_table_free(&check.reader);
	if (error == 0)
		error = admin_output_flush(admin);
	if (error != 0)
		return admin_storage(admin, error);
	return admin_say(admin, ADMIN_OK, "%ju records read, %ju remarks", (uintmax_t)check.records,
	                 (uintmax_t)admin->reply.count);
}
