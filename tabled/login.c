/*
 * Finds the user that a login means.
 */
#include "tabled/login.h"

#include <errno.h>

#include "common/mail/maildir.h"
#include "tabled/saslprep.h"

static int
login_find_user(const struct view *view, struct login *login)
{
	int error = view->get(view->context, TABLE_SPACE_USER, name_key(&login->name), &login->value);

	if (error != 0)
		return error;
	login->known = record_user_decode(login->value, &login->user);
	return login->known ? 0 : -EBADMSG;
}

static int
login_find_as_given(const struct view *view, char separator, struct slice text, struct login *login)
{
	size_t at = slice_find_last(text, '@');
	struct slice local = slice_first(text, at);
	struct slice domain = slice_from(text, at + 1);
	size_t end = separator == '\0' ? local.length : slice_find(local, separator);
	char directory[MAILDIR_FOLDER_SIZE];
	struct slice folder;
	int error;

	*login = (struct login){ .known = false };
	if (at == text.length || !name_make(local, domain, &login->name))
		return 0;
	error = login_find_user(view, login);
	if (error != -ENOENT)
		return error;
	folder = slice_from(local, end + 1);
	if (end == 0 || folder.length == 0 || maildir_folder_directory(folder, directory) != 0 ||
	    slice_to_string(folder, login->folder, sizeof(login->folder)) != 0)
		return 0;
	(void)name_make(slice_first(local, end), domain, &login->name);
	error = login_find_user(view, login);
	return error == -ENOENT ? 0 : error;
}

int
login_find(const struct view *view, char separator, struct slice text, struct login *login_r)
{
	char memory[2 * TABLE_ADDRESS_MAX];
	int error = login_find_as_given(view, separator, text, login_r);
	struct slice prepared;
	struct login other;

	if (error != 0 || login_r->known)
		return error;
	prepared = saslprep(text, memory, sizeof(memory));
	if (slice_equal(prepared, text))
		return 0;
	error = login_find_as_given(view, separator, prepared, &other);
	if (error == 0 && other.known)
		*login_r = other;
	return error;
}
