/*
 * Verbs on domains.
 */
#include <errno.h>

#include "common/mail/address.h"
#include "tabled/admin_verbs.h"

enum {
	DELETE_ROUND = 256, /* records that are gathered, then deleted, since a scan allows no change */
};

static enum admin_status
admin_domain_name(struct admin *admin, const struct admin_call *call, char *out)
{
	if (!name_check_domain(call->name, out))
		return admin_say(admin, ADMIN_INVALID, "\"%.*s\" is no domain name",
		                 (int)slice_first(call->name, 100).length, call->name.data);
	return ADMIN_OK;
}

static enum admin_status
admin_domain_put(struct admin *admin, const char *name, const struct record_domain *domain)
{
	int error;

	buffer_clear(&admin->scratch);
	error = record_domain_encode(domain, &admin->scratch);
	if (error == 0)
		error = admin_store(admin, TABLE_SPACE_DOMAIN, slice_from_string(name),
		                    buffer_slice(&admin->scratch));
	if (error != 0)
		return admin_storage(admin, error);
	admin->reply.count++;
	return ADMIN_OK;
}

/* Mail of a local domain stays here: a route for it would never be followed. */
static enum admin_status
admin_domain_takes_kind(struct admin *admin, const char *name, enum record_domain_kind kind)
{
	struct route route;
	int error = kind == RECORD_DOMAIN_LOCAL ? view_route(&admin->view, slice_from_string(name), &route) : -ENOENT;

	if (error == -ENOENT)
		return ADMIN_OK;
	if (error != 0)
		return admin_storage(admin, error);
	return admin_say(admin, ADMIN_REFUSED, "there is a route for %s, and a local domain takes none; to remove it: dbtool route del %s",
	                 name, name);
}

enum admin_status
admin_domain_add(struct admin *admin, const struct admin_call *call)
{
	char name[ADDRESS_DOMAIN_MAX + 1];
	struct record_domain domain, old;
	enum admin_status status = admin_domain_name(admin, call, name);
	int error;

	if (status != ADMIN_OK)
		return status;
	if (!record_domain_decode(call->record, &domain))
		return admin_say(admin, ADMIN_INVALID, "the record of domain %s is malformed", name);
	error = view_domain(&admin->view, slice_from_string(name), &old);
	if (error == 0) {
		status = (call->flags & ADMIN_IF_NOT_EXISTS) != 0 ? ADMIN_OK : ADMIN_EXISTS;
		return admin_say(admin, status, "domain %s exists already", name);
	}
	if (error != -ENOENT)
		return admin_storage(admin, error);
	status = admin_domain_takes_kind(admin, name, domain.kind);
	if (status == ADMIN_OK)
		status = admin_domain_put(admin, name, &domain);
	if (status != ADMIN_OK)
		return status;
	return admin_say(admin, ADMIN_OK, "domain %s added%s", name,
	                 domain.kind == RECORD_DOMAIN_RELAY ? " (relay)" : "");
}

enum admin_status
admin_domain_set(struct admin *admin, const struct admin_call *call)
{
	char name[ADDRESS_DOMAIN_MAX + 1];
	struct record_domain domain, change;
	enum admin_status status = admin_domain_name(admin, call, name);
	int error;

	if (status != ADMIN_OK)
		return status;
	if (!record_domain_decode(call->record, &change))
		return admin_say(admin, ADMIN_INVALID, "the record of domain %s is malformed", name);
	error = view_domain(&admin->view, slice_from_string(name), &domain);
	if (error == -ENOENT) {
		status = (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND;
		return admin_say(admin, status, "there is no domain %s", name);
	}
	if (error != 0)
		return admin_storage(admin, error);
	if ((call->fields & ADMIN_FIELD_ENABLED) != 0)
		domain.enabled = change.enabled;
	if ((call->fields & ADMIN_FIELD_KIND) != 0)
		domain.kind = change.kind;
	status = admin_domain_takes_kind(admin, name, domain.kind);
	if (status == ADMIN_OK)
		status = admin_domain_put(admin, name, &domain);
	return status != ADMIN_OK ? status : admin_say(admin, ADMIN_OK, "domain %s changed", name);
}

struct gathering {
	struct buffer keys; /* slices, one after the other */
	uint32_t count;
};

static int
admin_gather(void *context, struct slice key, struct slice value)
{
	struct gathering *gathering = context;
	int error;

	(void)value;
	error = record_list_add(&gathering->keys, &gathering->count, key);
	return error != 0 ? error : gathering->count == DELETE_ROUND;
}

/*
 * Deletes, or only counts one of, the records of SPACE that lie in the domain whose keys begin with PREFIX.
 */
static int
admin_domain_clear(struct admin *admin, enum table_space space, struct slice prefix, bool delete,
                   uint64_t *found_r)
{
	struct gathering gathering = { 0 };
	int more = 1;

	buffer_init(&gathering.keys, DELETE_ROUND * (RECORD_ITEM_MAX + 4));
	while (more == 1) {
		struct record_list list;
		struct slice key;

		buffer_clear(&gathering.keys);
		gathering.count = 0;
		more = table_scan(admin->table, space, prefix, admin_gather, &gathering);
		*found_r += gathering.count;
		if (!delete || more < 0)
			break;
		if (!admin_progress(admin, *found_r, 0))
			more = -ECANCELED;
		list = (struct record_list){ .count = gathering.count,
			                     .bytes = buffer_slice(&gathering.keys) };
		while (more >= 0 && record_list_next(&list, &key)) {
			int error = admin_remove(admin, space, key);

			more = error != 0 ? error : more;
		}
	}
	buffer_free(&gathering.keys);
	return more < 0 ? more : 0;
}

enum admin_status
admin_domain_delete(struct admin *admin, const struct admin_call *call)
{
	char name[ADDRESS_DOMAIN_MAX + 1];
	bool recursive = (call->flags & ADMIN_RECURSIVE) != 0;
	enum admin_status status = admin_domain_name(admin, call, name);
	struct record_domain domain;
	struct name inside;
	uint64_t users = 0, aliases = 0;
	int error;

	if (status != ADMIN_OK)
		return status;
	error = view_domain(&admin->view, slice_from_string(name), &domain);
	if (error == -ENOENT) {
		status = (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND;
		return admin_say(admin, status, "there is no domain %s", name);
	}
	if (error != 0 && error != -EBADMSG) /* a damaged record can be deleted */
		return admin_storage(admin, error);
	(void)name_make(SLICE(""), slice_from_string(name), &inside);
	error = admin_domain_clear(admin, TABLE_SPACE_USER, name_key(&inside), recursive, &users);
	if (error == 0)
		error = admin_domain_clear(admin, TABLE_SPACE_ALIAS, name_key(&inside), recursive, &aliases);
	if (error == 0 && !recursive && users + aliases > 0)
		return admin_say(admin, ADMIN_REFUSED,
		                 "domain %s still has users or aliases; to delete them with it: dbtool "
		                 "domain del --recursive %s",
		                 name, name);
	if (error == 0)
		error = admin_remove(admin, TABLE_SPACE_DOMAIN, slice_from_string(name));
	if (error != 0)
		return admin_storage(admin, error);
	admin->reply.count = 1 + users + aliases;
	return admin_say(admin, ADMIN_OK,
	                 "domain %s deleted, with %ju users and %ju aliases; mailboxes are left as they are",
	                 name, (uintmax_t)users, (uintmax_t)aliases);
}
