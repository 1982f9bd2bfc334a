/*
 * Names of Berkeley DB's files, and their state at start. See table_files.h.
 */
#include "tabled/table_files.h"

#include <db.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/durable.h"

enum { FAILURE_SIZE = 120 }; /* bytes of what is said of a file, with its NUL */

/* Berkeley DB's hooks have no context. */
static char failure[FAILURE_SIZE];

static bool
is_log(const char *name)
{
	return strncmp(name, "log.", 4) == 0;
}

/* ---- names ---- */

/* errno stays as it is. */
static void
note_failure(const char *name)
{
	int error = errno;

	if (failure[0] == '\0')
		snprintf(failure, sizeof(failure), "%.60s: %s", name, strerror(error));
	errno = error;
}

/*
 * Without the name of a log file, the one behind it is of no use to recovery; and when pages came to the disk that this log file is to undo or
 * to complete, the table is neither as before nor as after. Both before the end of the transaction, hence at once. A new database has another
 * name at first, and only the one that it is given when it is whole matters.
 */
static int
open_durably(const char *path, int flags, ...)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	int fd = open(path, flags & ~O_CREAT);
	va_list arguments;
	mode_t mode;

	if (fd == -1 && errno == ENOENT && (flags & O_CREAT) != 0) {
		va_start(arguments, flags);
		mode = (mode_t)va_arg(arguments, int);
		va_end(arguments);
		fd = open(path, flags, mode);
		if (fd != -1 && is_log(name) && durable_sync_above(path) != 0) {
			close(fd);
			errno = EIO;
			fd = -1;
		}
	}
	if (fd == -1 && errno != ENOENT)
		note_failure(name);
	return fd;
}

static int
rename_durably(const char *from, const char *to)
{
	if (rename(from, to) == -1)
		return -1;
	if (durable_sync_above(to) == 0)
		return 0;
	errno = EIO;
	return -1;
}

void
table_files_init(void)
{
	failure[0] = '\0';
	(void)db_env_set_func_open(open_durably);
	(void)db_env_set_func_rename(rename_durably);
}

const char *
table_files_failure(void)
{
	return failure;
}

/* ---- at start ---- */

/*
 * Databases need no sync here: recovery opens and syncs each one that was changed since the last checkpoint. Nor does the directory: a log file
 * without a durable name is empty, and recovery makes it anew; and it undoes the making of a database that was not yet to be found.
 */
static int
settle_file(int directory, const char *name)
{
	struct stat status;
	int error;
	int fd;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
		return -errno;
	if (!S_ISREG(status.st_mode)) /* such as "lost+found", which only root may open */
		return 0;
	fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return -errno;
	error = is_log(name) ? durable_sync(fd) : 0;
	if (error == 0)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return error;
}

/*
 * The kernel has pages in memory that are not on the disk when a sync failed in an earlier process: it says so once, and takes them for clean
 * from then on. And it has others because their writer was killed before it synced them: recovery takes all of the log for durable, and would
 * write pages of the databases according to what is still to be lost.
 */
int
table_files_settle(int directory, char *message, size_t size)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int error = 0;

	if (listing == NULL) {
		error = -errno;
		if (fd != -1)
			close(fd);
		return error;
	}
	for (errno = 0; error == 0 && (entry = readdir(listing)) != NULL; errno = 0) {
		if (entry->d_name[0] == '.')
			continue;
		error = settle_file(directory, entry->d_name);
		if (error != 0)
			snprintf(message, size, "%.100s: %s", entry->d_name, strerror(-error));
	}
	if (error == 0)
		error = -errno;
	closedir(listing);
	return error;
}
