/*
 * Maildir and Maildir++: file names, folder names and directories. See maildir.h for what is returned;
 * nothing here is fatal.
 */
#include "common/mail/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	DIRECTORY_MODE = 0700,
	FILE_MODE = 0600,
	PART_MAX = 255, /* bytes of a directory's name: NAME_MAX of every Linux file system */
};

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.length; i++)
		if ((unsigned char)s.data[i] < 32)
			return true;
	return false;
}

/* Removes from *rest, and returns, what comes before the next BYTE. */
static struct slice
cut(struct slice *rest, char byte)
{
	size_t end = slice_find(*rest, byte);
	struct slice first = slice_first(*rest, end);

	*rest = slice_from(*rest, end + 1);
	return first;
}

static void
parse_size(struct slice field, bool *has_r, uint64_t *size_r)
{
	*has_r = !*has_r && slice_to_number(slice_from(field, 2), UINT64_MAX, size_r) == 0;
}

bool
maildir_name_parse(struct slice file, struct maildir_name *name_r)
{
	struct slice rest;

	*name_r = (struct maildir_name){ 0 };
	if (file.length == 0 || file.data[0] == '.' || has_control(file) || slice_find(file, '/') != file.length)
		return false;
	rest = file;
	name_r->base = cut(&rest, ':');
	if (rest.length >= 2 && memcmp(rest.data, "2,", 2) == 0)
		name_r->flags = slice_from(rest, 2);
	rest = name_r->base;
	name_r->unique = cut(&rest, ',');
	while (rest.length > 0) {
		struct slice field = cut(&rest, ',');

		if (field.length < 2 || field.data[1] != '=')
			continue;
		if (field.data[0] == 'S')
			parse_size(field, &name_r->has_size, &name_r->size);
		else if (field.data[0] == 'W')
			parse_size(field, &name_r->has_wire_size, &name_r->wire_size);
	}
	return name_r->unique.length > 0;
}

void
maildir_host(const char *hostname, char *out)
{
	size_t used = 0;

	for (; *hostname != '\0'; hostname++) {
		unsigned char c = (unsigned char)*hostname;
		bool plain = c > 32 && c < 127 && c != '/' && c != ':' && c != ',';
		size_t length = plain ? 1 : 4;

		if (used + length >= MAILDIR_HOST_SIZE)
			break;
		if (plain)
			out[used] = *hostname;
		else
			snprintf(out + used, MAILDIR_HOST_SIZE - used, "\\%03o", c);
		used += length;
	}
	out[used] = '\0';
}

void
maildir_name_unique(char *out, int64_t wall_us, pid_t process, uint64_t number, const char *host)
{
	snprintf(out, MAILDIR_NAME_SIZE, "%lld.M%lldP%ldQ%llu.%s", (long long)(wall_us / 1000000),
	         (long long)(wall_us % 1000000), (long)process, (unsigned long long)number, host);
}

void
maildir_name_sized(char *out, const char *unique, uint64_t size, uint64_t wire_size)
{
	snprintf(out, MAILDIR_NAME_SIZE, "%s,S=%llu,W=%llu", unique, (unsigned long long)size,
	         (unsigned long long)wire_size);
}

int
maildir_path_check(struct slice path)
{
	size_t parts = 0;

	if (path.length == 0 || path.length >= MAILDIR_PATH_SIZE || has_control(path))
		return -EINVAL;
	if (path.data[path.length - 1] == '/')
		return -EINVAL;
	while (path.length > 0) {
		struct slice part = cut(&path, '/');

		if (part.length == 0 || part.length > PART_MAX || ++parts > MAILDIR_PATH_PARTS)
			return -EINVAL;
		if (slice_equal(part, SLICE(".")) || slice_equal(part, SLICE("..")))
			return -EINVAL;
	}
	return 0;
}

/* Opens the one directory NAME; a link or anything else is an error. */
static int
open_part(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Without openat2: one part after the other. */
static int
open_parts(int dirfd, const char *path, int flags)
{
	char copy[MAILDIR_PATH_SIZE + MAILDIR_FOLDER_SIZE + 8];
	int fd = dirfd;
	char *part = copy;

	if (strlcpy(copy, path, sizeof(copy)) >= sizeof(copy))
		return -ENAMETOOLONG;
	for (;;) {
		char *end = strchr(part, '/');
		int next;

		if (end != NULL)
			*end = '\0';
		next = strcmp(part, "..") == 0 ? -EXDEV : open_part(fd, part, end == NULL ? flags : O_PATH);
		if (fd != dirfd)
			close(fd);
		if (next < 0 || end == NULL)
			return next;
		fd = next;
		part = end + 1;
	}
}

int
maildir_open_directory(int dirfd, const char *path, int flags)
{
	static atomic_bool missing; /* openat2 came with Linux 5.6, and a system call filter may not know it */
	struct open_how how = {
		.flags = (unsigned)(flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (!atomic_load_explicit(&missing, memory_order_relaxed)) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != ENOSYS && errno != EPERM)
			return -errno;
		atomic_store_explicit(&missing, true, memory_order_relaxed);
	}
	return open_parts(dirfd, path, flags);
}

/* Opens the directory NAME, made first when it is missing. */
static int
make_part(int dirfd, const char *name, bool *made_r)
{
	int fd = open_part(dirfd, name, O_PATH);

	if (fd != -ENOENT)
		return fd;
	if (mkdirat(dirfd, name, DIRECTORY_MODE) == 0)
		*made_r = true;
	else if (errno != EEXIST)
		return -errno;
	return open_part(dirfd, name, O_PATH);
}

/* tmp/, cur/ and, last, new/: who finds new/ finds all of them. */
static int
make_inside(int dirfd, bool *made_r)
{
	static const char *const names[] = { "tmp", "cur", "new" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = make_part(dirfd, names[i], made_r);

		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

static int
make_folder(int mailbox, const char *directory, bool *made_r)
{
	int folder = make_part(mailbox, directory, made_r);
	int mark;
	int error;

	if (folder < 0)
		return folder;
	mark = openat(folder, "maildirfolder", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);
	error = mark < 0 ? -errno : make_inside(folder, made_r);
	if (mark >= 0)
		close(mark);
	close(folder);
	return error;
}

int
maildir_make(int root, const char *path, const char *directory, bool *made_r)
{
	struct slice rest = slice_from_string(path);
	int fd = root;
	int error;

	*made_r = false;
	while (rest.length > 0) {
		char name[PART_MAX + 1];
		int next = slice_to_string(cut(&rest, '/'), name, sizeof(name));

		if (next == 0)
			next = make_part(fd, name, made_r);
		if (fd != root)
			close(fd);
		if (next < 0)
			return next;
		fd = next;
	}
	error = make_inside(fd, made_r);
	if (error == 0 && directory[0] != '\0')
		error = make_folder(fd, directory, made_r);
	if (fd != root)
		close(fd);
	return error;
}
