/*
 * Verbs on routes. A route is for mail that leaves: a local domain can have none, and a domain that has one cannot become local.
 */
#include <errno.h>

#include "tabled/admin_verbs.h"

static enum admin_status
admin_route_name(struct admin *admin, const struct admin_call *call, char *out)
{
	if (!name_check_route(call->name, out))
		return admin_say(admin, ADMIN_INVALID,
		                 "\"%.*s\" is no name of a route; it is a domain, \".example.org\" for all below that domain, or \"*\" "
		                 "for all else",
		                 (int)slice_first(call->name, 100).length, call->name.data);
	return ADMIN_OK;
}

/* Local domains, and the name of this host, which is one without a record (resolve.h). */
static enum admin_status
admin_route_leaves(struct admin *admin, const char *name)
{
	struct slice key = slice_from_string(name);
	struct record_domain domain = { .kind = RECORD_DOMAIN_RELAY };
	int error = view_domain(&admin->view, key, &domain);

	if (error != 0 && error != -ENOENT)
		return admin_storage(admin, error);
	if (domain.kind == RECORD_DOMAIN_LOCAL || (error == -ENOENT && slice_equal(key, slice_from_string(admin->settings->hostname))))
		return admin_say(admin, ADMIN_REFUSED, "%s is a local domain: its mail stays here, so it takes no route", name);
	return ADMIN_OK;
}

static enum admin_status
admin_route_put(struct admin *admin, const char *name, struct slice record, const char *done)
{
	struct route route;
	int error;

	if (!record_route_decode(record, &route))
		return admin_say(admin, ADMIN_INVALID, "the route for %s is malformed", name);
	error = admin_store(admin, TABLE_SPACE_ROUTE, slice_from_string(name), record);
	if (error != 0)
		return admin_storage(admin, error);
	admin->reply.count++;
	return admin_say(admin, ADMIN_OK, "route for %s %s", name, done);
}

/* Whether there is one; a damaged one can be replaced and deleted. */
static int
admin_route_find(const struct admin *admin, const char *name)
{
	struct route route;
	int error = view_route(&admin->view, slice_from_string(name), &route);

	return error == -EBADMSG ? 0 : error;
}

enum admin_status
admin_route_add(struct admin *admin, const struct admin_call *call)
{
	char name[NAME_ROUTE_SIZE];
	enum admin_status status = admin_route_name(admin, call, name);
	int error;

	if (status == ADMIN_OK)
		status = admin_route_leaves(admin, name);
	if (status != ADMIN_OK)
		return status;
	error = admin_route_find(admin, name);
	if (error == 0) {
		status = (call->flags & ADMIN_IF_NOT_EXISTS) != 0 ? ADMIN_OK : ADMIN_EXISTS;
		return admin_say(admin, status, "there is a route for %s already; to change it: dbtool route set", name);
	}
	return error != -ENOENT ? admin_storage(admin, error) : admin_route_put(admin, name, call->record, "added");
}

enum admin_status
admin_route_set(struct admin *admin, const struct admin_call *call)
{
	char name[NAME_ROUTE_SIZE];
	enum admin_status status = admin_route_name(admin, call, name);
	int error;

	if (status != ADMIN_OK)
		return status;
	error = admin_route_find(admin, name);
	if (error == -ENOENT) {
		status = (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND;
		return admin_say(admin, status, "there is no route for %s", name);
	}
	return error != 0 ? admin_storage(admin, error) : admin_route_put(admin, name, call->record, "changed");
}

enum admin_status
admin_route_delete(struct admin *admin, const struct admin_call *call)
{
	char name[NAME_ROUTE_SIZE];
	enum admin_status status = admin_route_name(admin, call, name);
	int error;

	if (status != ADMIN_OK)
		return status;
	error = admin_remove(admin, TABLE_SPACE_ROUTE, slice_from_string(name));
	if (error == -ENOENT) {
		status = (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND;
		return admin_say(admin, status, "there is no route for %s", name);
	}
	if (error != 0)
		return admin_storage(admin, error);
	admin->reply.count = 1;
	return admin_say(admin, ADMIN_OK, "route for %s deleted", name);
}
