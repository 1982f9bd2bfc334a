/*
 * Counting a mailbox: a walk through its directories that follows no symbolic link.
 */
#include "deliverd/quota_count.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mail/maildir.h"

/* Takes FD. NULL with errno set. */
static DIR *
directory_of(int fd)
{
	DIR *directory = fdopendir(fd);

	if (directory == NULL)
		close(fd);
	return directory;
}

static void
count_message(int dirfd, const char *file, struct quota_usage *usage)
{
	struct maildir_name name;
	struct stat status;
	uint64_t size;

	if (!maildir_name_parse(slice_from_string(file), &name))
		return;
	if (name.has_size) {
		size = name.size;
	} else {
		if (fstatat(dirfd, file, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
			return;
		size = (uint64_t)status.st_size;
	}
	if (size > (uint64_t)(INT64_MAX - usage->bytes))
		size = (uint64_t)(INT64_MAX - usage->bytes);
	usage->bytes += (int64_t)size;
	usage->count++;
}

static void
note_change(const struct stat *status, struct quota_change *change)
{
	const struct timespec *when = &status->st_mtim;

	change->directories++;
	if (when->tv_sec > change->latest.tv_sec ||
	    (when->tv_sec == change->latest.tv_sec && when->tv_nsec > change->latest.tv_nsec))
		change->latest = *when;
}

/* One new/ or cur/; a missing one is empty. */
static int
count_directory(int folder, const char *name, struct quota_usage *usage, struct quota_change *change)
{
	int fd = maildir_open_directory(folder, name, usage == NULL ? O_PATH : O_RDONLY);
	struct dirent *entry;
	struct stat status;
	DIR *directory;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &status) == 0)
		note_change(&status, change);
	if (usage == NULL) {
		close(fd);
		return 0;
	}
	directory = directory_of(fd);
	if (directory == NULL)
		return -errno;
	while ((entry = readdir(directory)) != NULL)
		count_message(dirfd(directory), entry->d_name, usage);
	closedir(directory);
	return 0;
}

static int
count_folder(int folder, struct quota_usage *usage, struct quota_change *change)
{
	int error = count_directory(folder, "new", usage, change);

	return error != 0 ? error : count_directory(folder, "cur", usage, change);
}

/* ".Folder": every directory whose name begins with a dot. */
static int
count_if_folder(int top, const char *name, struct quota_usage *usage, struct quota_change *change)
{
	int folder;
	int error;

	if (name[0] != '.' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	folder = maildir_open_directory(top, name, O_PATH);
	if (folder < 0) /* a file or a link is no folder; one that was just removed is empty */
		return folder == -ENOTDIR || folder == -ELOOP || folder == -ENOENT ? 0 : folder;
	error = count_folder(folder, usage, change);
	close(folder);
	return error;
}

int
quota_count(int top, struct quota_usage *usage, struct quota_change *change)
{
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : directory_of(fd);
	struct dirent *entry;
	int error;

	if (directory == NULL)
		return -errno;
	*change = (struct quota_change){ 0 };
	if (usage != NULL)
		*usage = (struct quota_usage){ .lines = 1 };
	error = count_folder(top, usage, change);
	while (error == 0 && (entry = readdir(directory)) != NULL)
		error = count_if_folder(top, entry->d_name, usage, change);
	closedir(directory);
	return error;
}
