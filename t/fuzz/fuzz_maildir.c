/*
 * Maildir names, folders, paths, and maildirsize files from anywhere.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/mail/maildir.h"
#include "deliverd/quota.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_name(struct slice input)
{
	struct maildir_name name;
	struct maildir_name again;
	char whole[MAILDIR_NAME_SIZE];

	if (!maildir_name_parse(input, &name))
		return;
	if (snprintf(whole, sizeof(whole), "%.*s:2,%.*s", (int)name.base.length, name.base.data, (int)name.flags.length, name.flags.data) >=
	    MAILDIR_NAME_SIZE)
		return;
	if (!maildir_name_parse(slice_from_string(whole), &again) || !slice_equal(name.base, again.base) ||
	    name.size != again.size || name.flags.length != again.flags.length)
		abort();
}

static void
try_folder(struct slice input)
{
	char directory[MAILDIR_FOLDER_SIZE];

	if (maildir_folder_directory(input, directory) != 0 || directory[0] == '\0')
		return;
	if (directory[0] != '.' || strchr(directory, '/') != NULL || strstr(directory, "..") != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	struct quota_usage usage;

	try_name(input);
	try_folder(input);
	(void)maildir_path_check(input);
	if (quota_parse(input, 1000, &usage) == 0)
		(void)quota_fits(&usage, 1000, size);
	return 0;
}
