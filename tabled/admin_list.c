/*
 * Verbs that show records: one, those of a kind, or all (which is also what an export is).
 */
#include <errno.h>

#include "common/mail/address.h"
#include "tabled/admin_verbs.h"

struct listing {
	struct admin *admin;
	enum admin_noun noun;
};

static enum table_space
space_of(enum admin_noun noun)
{
	static const enum table_space spaces[] = {
		[ADMIN_DOMAIN] = TABLE_SPACE_DOMAIN,
		[ADMIN_USER] = TABLE_SPACE_USER,
		[ADMIN_ALIAS] = TABLE_SPACE_ALIAS,
		[ADMIN_ROUTE] = TABLE_SPACE_ROUTE,
	};

	return spaces[noun];
}

/* The others are named by a domain. */
static bool
has_address(enum admin_noun noun)
{
	return noun == ADMIN_USER || noun == ADMIN_ALIAS;
}

static int
admin_list_one(void *context, struct slice key, struct slice value)
{
	struct listing *listing = context;
	struct admin *admin = listing->admin;
	struct admin_record record = { .noun = listing->noun, .name = key, .record = value };
	char address[ADMIN_NAME_SIZE];
	struct name name;

	if (has_address(listing->noun)) {
		if (!name_from_key(key, &name))
			return -EBADMSG;
		name_address(&name, address);
		record.name = slice_from_string(address);
	}
	if (++admin->reply.count % ADMIN_PROGRESS_EVERY == 0 && !admin_progress(admin, 0, 0))
		return -ECANCELED;
	return admin_output_record(admin, &record);
}

static int
admin_list_noun(struct admin *admin, enum admin_noun noun, struct slice prefix)
{
	struct listing listing = { .admin = admin, .noun = noun };

	return table_scan(admin->table, space_of(noun), prefix, admin_list_one, &listing);
}

enum admin_status
admin_list(struct admin *admin, const struct admin_call *call)
{
	struct name inside = { .length = 0 };
	struct record_domain domain;
	int error = 0;

	if (call->name.length > 0) {
		if (!has_address(call->noun) || !name_make(SLICE(""), call->name, &inside))
			return admin_say(admin, ADMIN_INVALID, "that is no domain name");
		error = view_domain(&admin->view, name_domain(&inside), &domain);
		if (error == -ENOENT)
			return admin_say(admin, ADMIN_NOT_FOUND, "there is no domain %.*s",
			                 (int)inside.domain, inside.key);
	}
	if (error == 0 && call->noun != ADMIN_TABLE)
		error = admin_list_noun(admin, call->noun, name_key(&inside));
	/* An import adds users to domains, aliases to both, and routes to domains that are not local: hence this order. */
	for (int noun = ADMIN_DOMAIN; error == 0 && call->noun == ADMIN_TABLE && noun <= ADMIN_ROUTE; noun++)
		error = admin_list_noun(admin, (enum admin_noun)noun, SLICE(""));
	if (error == 0)
		error = admin_output_flush(admin);
	return error != 0 ? admin_storage(admin, error) : ADMIN_OK;
}

enum admin_status
admin_show(struct admin *admin, const struct admin_call *call)
{
	static const char *const nouns[] = {
		[ADMIN_DOMAIN] = "domain", [ADMIN_USER] = "user", [ADMIN_ALIAS] = "alias", [ADMIN_ROUTE] = "route for"
	};
	struct admin_record record = { .noun = call->noun };
	char text[ADMIN_NAME_SIZE];
	struct slice key;
	struct name name;
	int error;

	if (!has_address(call->noun)) {
		if (call->noun == ADMIN_DOMAIN ? !name_check_domain(call->name, text) : !name_check_route(call->name, text))
			return admin_say(admin, ADMIN_INVALID, "that is no domain name");
		key = slice_from_string(text);
	} else {
		if (!name_check(call->name, NAME_CATCH_ALL | NAME_POSTMASTER, &name))
			return admin_say(admin, ADMIN_INVALID, "that is no address");
		name_address(&name, text);
		key = name_key(&name);
	}
	record.name = slice_from_string(text);
	error = admin->view.get(admin->view.context, space_of(call->noun), key, &record.record);
	if (error == -ENOENT)
		return admin_say(admin, ADMIN_NOT_FOUND, "there is no %s %s", nouns[call->noun], text);
	if (error == 0)
		error = admin_output_record(admin, &record);
	if (error == 0)
		error = admin_output_flush(admin);
	admin->reply.count = 1;
	return error != 0 ? admin_storage(admin, error) : ADMIN_OK;
}
