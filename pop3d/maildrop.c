/*
 * A maildrop: questions, marks, and its files. How its index comes to be is in maildrop_scan.c. Errors are
 * returned, none is fatal.
 */
#include "pop3d/maildrop.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/durable.h"
#include "pop3d/maildrop_index.h"

enum {
	UIDL_MAX = MAILDROP_UIDL_SIZE - 1,
	DIGEST_SIZE = 32, /* SHA-256 */
};

int
maildrop_open(int directory, size_t memory, struct maildrop **maildrop_r)
{
	struct maildrop *maildrop;
	int error;

	if (flock(directory, LOCK_EX | LOCK_NB) != 0) {
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(directory);
		return error;
	}
	maildrop = calloc(1, sizeof(*maildrop));
	if (maildrop == NULL) {
		close(directory);
		return -ENOMEM;
	}
	maildrop->directory = directory;
	maildrop->memory = memory;
	maildrop->stage = MAILDROP_READING_NEW;
	maildrop->scan = -1;
	*maildrop_r = maildrop;
	return 0;
}

void
maildrop_close(struct maildrop **maildrop)
{
	if (*maildrop == NULL)
		return;
	if ((*maildrop)->scan >= 0)
		close((*maildrop)->scan);
	close((*maildrop)->directory); /* and with it the lock */
	free((*maildrop)->messages);
	free((*maildrop)->names);
	free(*maildrop);
	*maildrop = NULL;
}

uint32_t
maildrop_count(const struct maildrop *maildrop)
{
	return maildrop->count;
}

uint32_t
maildrop_left(const struct maildrop *maildrop)
{
	return maildrop->count - maildrop->deleted;
}

uint64_t
maildrop_left_octets(const struct maildrop *maildrop)
{
	return maildrop->octets - maildrop->deleted_octets;
}

size_t
maildrop_memory(const struct maildrop *maildrop)
{
	return sizeof(*maildrop) + maildrop->size * sizeof(*maildrop->messages) + maildrop->names_size;
}

bool
maildrop_sized(const struct maildrop *maildrop, uint32_t message)
{
	return (maildrop->messages[message].flags & MAILDROP_UNSIZED) == 0;
}

uint32_t
maildrop_unsized(const struct maildrop *maildrop)
{
	return maildrop->unsized;
}

uint64_t
maildrop_octets(const struct maildrop *maildrop, uint32_t message)
{
	return maildrop->messages[message].octets;
}

void
maildrop_set_octets(struct maildrop *maildrop, uint32_t number, uint64_t octets)
{
	struct maildrop_message *message = &maildrop->messages[number];

	maildrop->octets = maildrop->octets - message->octets + octets;
	if ((message->flags & MAILDROP_DELETED) != 0)
		maildrop->deleted_octets = maildrop->deleted_octets - message->octets + octets;
	if ((message->flags & MAILDROP_UNSIZED) != 0)
		maildrop->unsized--;
	message->octets = octets;
	message->flags &= (uint8_t)~MAILDROP_UNSIZED;
}

/* A base name that is no unique-id as it stands: too long, or not of 0x21 to 0x7E (RFC 1939 section 7). */
static void
uidl_digest(struct slice base, char *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };

	EVP_Digest(base.data, base.length, digest, NULL, EVP_sha256(), NULL);
	slice_hex(digest, DIGEST_SIZE, out);
}

void
maildrop_uidl(const struct maildrop *maildrop, uint32_t message, char *out)
{
	struct slice base = maildrop_base_name(maildrop, &maildrop->messages[message]);
	bool usable = base.length <= UIDL_MAX;

	for (size_t i = 0; i < base.length && usable; i++)
		usable = base.data[i] >= 0x21 && base.data[i] <= 0x7E;
	if (!usable) {
		uidl_digest(base, out);
		return;
	}
	memcpy(out, base.data, base.length);
	out[base.length] = '\0';
}

void
maildrop_name(const struct maildrop *maildrop, uint32_t message, char *out)
{
	struct slice name = maildrop_file_name(maildrop, &maildrop->messages[message]);

	memcpy(out, name.data, name.length);
	out[name.length] = '\0';
}

bool
maildrop_deleted(const struct maildrop *maildrop, uint32_t message)
{
	return (maildrop->messages[message].flags & MAILDROP_DELETED) != 0;
}

void
maildrop_delete(struct maildrop *maildrop, uint32_t number)
{
	struct maildrop_message *message = &maildrop->messages[number];

	if ((message->flags & MAILDROP_DELETED) != 0)
		return;
	message->flags |= MAILDROP_DELETED;
	maildrop->deleted++;
	maildrop->deleted_octets += message->octets;
}

void
maildrop_undelete_all(struct maildrop *maildrop)
{
	for (uint32_t i = 0; i < maildrop->count; i++)
		maildrop->messages[i].flags &= (uint8_t)~MAILDROP_DELETED;
	maildrop->deleted = 0;
	maildrop->deleted_octets = 0;
}

bool
maildrop_gone(const struct maildrop *maildrop, uint32_t message)
{
	return (maildrop->messages[message].flags & MAILDROP_GONE) != 0;
}

/* Not inline: a copy that is known to be short is made by the slowest instruction for it. */
static __attribute__((noinline)) void
file_path(bool in_new, struct slice name, char *path)
{
	memcpy(path, in_new ? "new/" : "cur/", 4);
	memcpy(path + 4, name.data, name.length);
	path[4 + name.length] = '\0';
}

int
maildrop_find_file(const struct maildrop *maildrop, uint32_t number, struct maildrop_file *file_r)
{
	const struct maildrop_message *message = &maildrop->messages[number];

	if ((message->flags & MAILDROP_GONE) != 0)
		return -ENOENT;
	file_r->directory = maildrop->directory;
	file_r->not_owner = maildrop->not_owner;
	file_path((message->flags & MAILDROP_IN_NEW) != 0, maildrop_file_name(maildrop, message), file_r->path);
	return 0;
}

/*
 * O_NONBLOCK: a FIFO that took the file's place must not hold up the process. O_NOATIME: nobody asks when a message was read, and to note it down
 * takes a tenth of reading it; only the owner of a file may leave it out.
 */
static int
open_file(const struct maildrop_file *file)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(file->directory, file->path, file->not_owner ? flags : flags | O_NOATIME);

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EINVAL : -errno;
	return fd;
}

/* Opens the file of a message. A descriptor or a negative errno value. */
static int
open_message(struct maildrop *maildrop, uint32_t number)
{
	struct maildrop_file file;
	int error = maildrop_find_file(maildrop, number, &file);
	int fd;

	if (error != 0)
		return error;
	fd = open_file(&file);
	if (fd != -EPERM || file.not_owner)
		return fd;
	maildrop->not_owner = file.not_owner = true;
	return open_file(&file);
}

/* Reads once. FD may be an error, which is returned. */
static ssize_t
read_and_close(int fd, void *out, size_t size)
{
	ssize_t got;

	if (fd < 0)
		return fd;
	got = read(fd, out, size);
	if (got < 0)
		got = -errno;
	close(fd);
	return got;
}

int
maildrop_open_message(struct maildrop *maildrop, uint32_t number, uint64_t *length_r)
{
	struct stat status;
	int fd = open_message(maildrop, number);
	int error;

	if (fd < 0)
		return fd;
	error = fstat(fd, &status) != 0 ? -errno : !S_ISREG(status.st_mode) ? -EINVAL : 0;
	if (error != 0) {
		close(fd);
		return error;
	}
	*length_r = (uint64_t)status.st_size;
	return fd;
}

ssize_t
maildrop_read_message(struct maildrop *maildrop, uint32_t number, void *out, size_t size)
{
	return read_and_close(open_message(maildrop, number), out, size);
}

ssize_t
maildrop_read_file(const struct maildrop_file *file, void *out, size_t size)
{
	return read_and_close(open_file(file), out, size);
}

/* The size of a file in bytes as its quota counts it: from its name (S=) or else from the file. */
static uint64_t
file_bytes(const struct maildrop *maildrop, const struct maildrop_message *message, const char *path)
{
	struct maildir_name name;
	struct stat status;

	if (maildir_name_parse(maildrop_file_name(maildrop, message), &name) && name.has_size)
		return name.size;
	return fstatat(maildrop->directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)status.st_size : 0;
}

int
maildrop_remove(struct maildrop *maildrop, uint32_t number)
{
	const struct maildrop_message *message = &maildrop->messages[number];
	char path[MAILDROP_PATH_SIZE];
	uint64_t bytes;

	if ((message->flags & MAILDROP_GONE) != 0)
		return 0;
	file_path((message->flags & MAILDROP_IN_NEW) != 0, maildrop_file_name(maildrop, message), path);
	bytes = file_bytes(maildrop, message, path);
	if (unlinkat(maildrop->directory, path, 0) != 0)
		return -errno;
	maildrop->removed++;
	maildrop->removed_bytes += bytes;
	if ((message->flags & MAILDROP_TWICE) != 0) {
		/* Left in new/ it would be a message again in the next session. A move met half-way left nothing. */
		file_path(true, maildrop_base_name(maildrop, message), path);
		unlinkat(maildrop->directory, path, 0);
	}
	return 0;
}

int
maildrop_account(struct maildrop *maildrop, const char *sizes)
{
	char line[64];
	int length;
	int error;
	int fd;

	if (maildrop->removed == 0)
		return 0;
	fd = openat(maildrop->directory, sizes, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* Maildir++: changes are appended, each in one write, and added up by whoever needs the sum. */
	length = snprintf(line, sizeof(line), "-%llu -%u\n", (unsigned long long)maildrop->removed_bytes, maildrop->removed);
	error = durable_write(fd, line, (size_t)length);
	close(fd);
	maildrop->removed = 0;
	maildrop->removed_bytes = 0;
	return error;
}
