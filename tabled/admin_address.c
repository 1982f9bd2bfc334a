/*
 * What the verbs on users and aliases check of addresses.
 */
#include <errno.h>
#include <string.h>

#include "tabled/admin_verbs.h"
#include "tabled/seen.h"

enum admin_status
admin_need_domain(struct admin *admin, const struct name *name)
{
	struct slice domain = name_domain(name);
	struct record_domain record;
	int error;

	if (domain.length == 0) /* the alias "postmaster" */
		return ADMIN_OK;
	error = view_domain(&admin->view, domain, &record);
	if (error == -ENOENT)
		return admin_say(admin, ADMIN_REFUSED,
		                 "domain %.*s is not ours; to make it so: dbtool domain add %.*s",
		                 (int)domain.length, domain.data, (int)domain.length, domain.data);
	if (error != 0)
		return admin_storage(admin, error);
	if (record.kind == RECORD_DOMAIN_RELAY)
		return admin_say(admin, ADMIN_REFUSED,
		                 "mail for %.*s is relayed; to keep its mailboxes here: dbtool domain set "
		                 "%.*s --local",
		                 (int)domain.length, domain.data, (int)domain.length, domain.data);
	return ADMIN_OK;
}

/*
 * The local-part stays as it was given, since it may be another host's to read; the domain goes into lower
 * case.
 */
static int
admin_address_add(struct buffer *out, uint32_t *count, struct slice address, const struct name *name)
{
	char text[ADMIN_NAME_SIZE];
	struct slice local = slice_first(address, slice_find_last(address, '@'));

	name_address(name, text);
	memcpy(text, local.data, local.length);
	return record_list_add(out, count, slice_from_string(text));
}

enum admin_status
admin_addresses(struct admin *admin, struct record_list in, struct buffer *out, struct record_list *list_r)
{
	struct seen seen;
	struct name name;
	struct slice address;
	uint32_t count = 0;
	int added = 1;

	seen_init(&seen);
	while (added >= 0 && record_list_next(&in, &address)) {
		if (!name_check(address, NAME_POSTMASTER, &name)) {
			seen_free(&seen);
			return admin_say(admin, ADMIN_INVALID, "\"%.*s\" is no address",
			                 (int)slice_first(address, 100).length, address.data);
		}
		added = seen_add(&seen, 'a', name_key(&name));
		if (added == 1)
			added = admin_address_add(out, &count, address, &name);
	}
	seen_free(&seen);
	*list_r = (struct record_list){ .count = count, .bytes = buffer_slice(out) };
	return added < 0 ? admin_storage(admin, added) : ADMIN_OK;
}
