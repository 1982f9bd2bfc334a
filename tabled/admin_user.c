/*
 * Verbs on users.
 */
#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mail/address.h"
#include "common/mail/maildir.h"
#include "tabled/admin_verbs.h"

/* A user whose name was checked, and the record that is to be put. */
struct admin_user {
	struct name name;
	char login[ADMIN_NAME_SIZE];
	struct record_user record;
	char path[TABLE_PATH_MAX]; /* memory for the path that follows from the name */
	struct buffer send_as;     /* memory for the list */
	struct buffer secrets;     /* the same */
	unsigned char salt[SCRAM_SALT_SIZE];
};

static enum admin_status
admin_user_name(struct admin *admin, const struct admin_call *call, struct admin_user *user)
{
	if (!name_check(call->name, 0, &user->name))
		return admin_say(admin, ADMIN_INVALID,
		                 "\"%.*s\" is no login; a login looks like alice@example.org",
		                 (int)slice_first(call->name, 100).length, call->name.data);
	name_address(&user->name, user->login);
	return ADMIN_OK;
}

/* 0, -ENOENT, or another negative errno value. The slices live in admin->reader. */
static int
admin_user_get(struct admin *admin, struct admin_user *user)
{
	return view_user(&admin->view, name_key(&user->name), &user->record);
}

/* No traditional DES hash: any word of letters would pass for one. */
static bool
admin_password_known(struct slice hash)
{
	char setting[RECORD_PASSWORD_MAX + 1];
	int result;

	if (hash.length == 0)
		return true;
	if (hash.data[0] != '$' || slice_to_string(hash, setting, sizeof(setting)) != 0)
		return false;
	result = crypt_checksalt(setting);
	return result == CRYPT_SALT_OK || result == CRYPT_SALT_METHOD_LEGACY ||
	       result == CRYPT_SALT_TOO_CHEAP;
}

/* DOMAIN/LOCAL-PART */
static enum admin_status
admin_user_default_path(struct admin *admin, struct admin_user *user)
{
	struct slice local = name_local(&user->name);
	struct slice domain = name_domain(&user->name);

	if (slice_find(local, '/') < local.length)
		return admin_say(admin, ADMIN_INVALID,
		                 "no mailbox path can be made from the login %s; choose one: --path",
		                 user->login);
	snprintf(user->path, sizeof(user->path), "%.*s/%.*s", (int)domain.length, domain.data,
	         (int)local.length, local.data);
	user->record.path = slice_from_string(user->path);
	return ADMIN_OK;
}

/* Completes and checks the record, and puts it. */
static enum admin_status
admin_user_put(struct admin *admin, struct admin_user *user)
{
	enum admin_status status = ADMIN_OK;
	int error;

	if (user->record.path.length == 0)
		status = admin_user_default_path(admin, user);
	if (status == ADMIN_OK)
		status = admin_addresses(admin, user->record.send_as, &user->send_as, &user->record.send_as);
	if (status != ADMIN_OK)
		return status;
	if (maildir_path_check(user->record.path) != 0 || user->record.path.length >= TABLE_PATH_MAX)
		return admin_say(admin, ADMIN_INVALID,
		                 "the mailbox path of %s must be relative, without \"..\" or empty parts",
		                 user->login);
	if (!admin_password_known(user->record.password))
		return admin_say(admin, ADMIN_INVALID,
		                 "the password hash of %s is of no known scheme; see crypt(5)", user->login);
	/*
	 * What the record points to may be admin->reader: it is encoded elsewhere before anything is read
	 * again.
	 */
	buffer_clear(&admin->scratch);
	error = record_user_encode(&user->record, &admin->scratch);
	if (error == 0)
		error = admin_store(admin, TABLE_SPACE_USER, name_key(&user->name),
		                    buffer_slice(&admin->scratch));
	if (error != 0)
		return admin_storage(admin, error);
	admin->reply.count++;
	return ADMIN_OK;
}

static enum admin_status
admin_user_add_named(struct admin *admin, const struct admin_call *call, struct admin_user *user)
{
	enum admin_status status = admin_need_domain(admin, &user->name);
	int error;

	if (status != ADMIN_OK)
		return status;
	error = admin_user_get(admin, user);
	if (error == 0) {
		status = (call->flags & ADMIN_IF_NOT_EXISTS) != 0 ? ADMIN_OK : ADMIN_EXISTS;
		return admin_say(admin, status, "user %s exists already", user->login);
	}
	if (error != -ENOENT)
		return admin_storage(admin, error);
	if (!record_user_decode(call->record, &user->record))
		return admin_say(admin, ADMIN_INVALID, "the record of user %s is malformed", user->login);
	if (call->secret.length > 0)
		status = admin_secrets(admin, &user->record, SLICE(""), call->secret, &user->secrets, user->salt);
	if (status == ADMIN_OK)
		status = admin_user_put(admin, user);
	if (status != ADMIN_OK)
		return status;
	return admin_say(admin, ADMIN_OK, "user %s added, with mailbox %.*s", user->login,
	                 (int)user->record.path.length, user->record.path.data);
}

/* An app password comes or goes. */
static enum admin_status
admin_user_set_secret(struct admin *admin, const struct admin_call *call, struct admin_user *user)
{
	bool add = (call->fields & ADMIN_FIELD_SECRET_ADD) != 0;
	struct record_secret there;
	bool found;
	int length = (int)call->item.length;

	if (!record_secret_name(call->item))
		return admin_say(admin, ADMIN_INVALID,
		                 "an app password's name consists of letters, digits, \".\", \"_\" and \"-\", at most %d",
		                 RECORD_SECRET_NAME_MAX);
	if (add && call->secret.length == 0)
		return admin_say(admin, ADMIN_INVALID, "an app password cannot be empty");
	found = record_secret_find(user->record.secrets, call->item, &there);
	if (add && found)
		return admin_say(admin, ADMIN_EXISTS, "user %s has an app password %.*s already", user->login, length,
		                 call->item.data);
	if (!add && !found)
		return admin_say(admin, (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND,
		                 "user %s has no app password %.*s", user->login, length, call->item.data);
	return admin_secrets(admin, &user->record, call->item, add ? call->secret : SLICE(""), &user->secrets, user->salt);
}

/* What belongs to passwords. */
static enum admin_status
admin_user_set_passwords(struct admin *admin, const struct admin_call *call, const struct record_user *change,
                         struct admin_user *user)
{
	if ((call->fields & (ADMIN_FIELD_SECRET_ADD | ADMIN_FIELD_SECRET_REMOVE)) != 0)
		return admin_user_set_secret(admin, call, user);
	if ((call->fields & ADMIN_FIELD_KEYS) != 0)
		return admin_secret_keys(admin, change, &user->record, &user->secrets);
	if ((call->fields & ADMIN_FIELD_PASSWORD) == 0)
		return ADMIN_OK;
	user->record.password = change->password;
	return admin_secrets(admin, &user->record, SLICE(""), call->secret, &user->secrets, user->salt);
}

static enum admin_status
admin_user_set_named(struct admin *admin, const struct admin_call *call, struct admin_user *user)
{
	struct record_user change;
	enum admin_status status;
	int error;

	if (!record_user_decode(call->record, &change))
		return admin_say(admin, ADMIN_INVALID, "the record of user %s is malformed", user->login);
	error = admin_user_get(admin, user);
	if (error == -ENOENT) {
		status = (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND;
		return admin_say(admin, status, "there is no user %s", user->login);
	}
	if (error != 0)
		return admin_storage(admin, error);
	if ((call->fields & ADMIN_FIELD_ENABLED) != 0)
		user->record.enabled = change.enabled;
	if ((call->fields & ADMIN_FIELD_PATH) != 0)
		user->record.path = change.path;
	if ((call->fields & ADMIN_FIELD_QUOTA) != 0)
		user->record.quota = change.quota;
	if ((call->fields & ADMIN_FIELD_SEND_AS) != 0)
		user->record.send_as = change.send_as;
	status = admin_user_set_passwords(admin, call, &change, user);
	if (status == ADMIN_OK)
		status = admin_user_put(admin, user);
	return status != ADMIN_OK ? status : admin_say(admin, ADMIN_OK, "user %s changed", user->login);
}

static enum admin_status
admin_user_run(struct admin *admin, const struct admin_call *call,
               enum admin_status (*run)(struct admin *, const struct admin_call *, struct admin_user *))
{
	struct admin_user user;
	enum admin_status status;

	buffer_init(&user.send_as, TABLE_VALUE_MAX);
	buffer_init(&user.secrets, TABLE_VALUE_MAX);
	status = admin_user_name(admin, call, &user);
	if (status == ADMIN_OK)
		status = run(admin, call, &user);
	buffer_free(&user.send_as);
	buffer_free(&user.secrets);
	return status;
}

enum admin_status
admin_user_add(struct admin *admin, const struct admin_call *call)
{
	return admin_user_run(admin, call, admin_user_add_named);
}

enum admin_status
admin_user_set(struct admin *admin, const struct admin_call *call)
{
	return admin_user_run(admin, call, admin_user_set_named);
}

enum admin_status
admin_user_delete(struct admin *admin, const struct admin_call *call)
{
	struct admin_user user;
	enum admin_status status = admin_user_name(admin, call, &user);
	int error;

	if (status != ADMIN_OK)
		return status;
	error = admin_remove(admin, TABLE_SPACE_USER, name_key(&user.name));
	if (error == -ENOENT) {
		status = (call->flags & ADMIN_IF_EXISTS) != 0 ? ADMIN_OK : ADMIN_NOT_FOUND;
		return admin_say(admin, status, "there is no user %s", user.login);
	}
	if (error != 0)
		return admin_storage(admin, error);
	admin->reply.count = 1;
	return admin_say(admin, ADMIN_OK, "user %s deleted; the mailbox is left as it is", user.login);
}
