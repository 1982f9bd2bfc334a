/*
 * For the test of the queue's store under power cuts: a model of the disk that keeps apart what was synced from what was only written. A cut
 * leaves what was synced, and of the rest each sector and each directory entry or not, by chance.
 */
#ifndef ANGARIUM_T_POWER_DISK_H
#define ANGARIUM_T_POWER_DISK_H

#include "t/unit/store_fixture.h"

enum {
	FILES_MAX = 256,
	PENDING_MAX = 64,
	SECTOR = 512,
};

/* A segment, also after its unlink. */
struct file {
	char path[512];
	int fd;
	ino_t inode;
	char *synced; /* contents that no cut takes away */
	size_t synced_length;
	unsigned synced_at;
	bool named;   /* its entry is synced */
	bool failed;  /* a sync of it did: the kernel has given up what was not yet on the disk, and will not say so again */
};

struct pending {
	disk_done *done;
	void *context;
	enum disk_what what;
	unsigned asked_at;
	struct file *file; /* of a segment */
	char *bytes;
	size_t length;
	bool present[FILES_MAX]; /* of the directory */
};

static struct file files[FILES_MAX];
static size_t file_count;
static struct pending pendings[PENDING_MAX]; /* syncs that were asked for, oldest first */
static size_t pending_count;
static unsigned asked;
static unsigned named_at;
static unsigned seed;

static inline unsigned
random_below(unsigned limit)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 8) % limit;
}

static inline char *
read_whole(int fd, size_t *length_r)
{
	struct stat status;
	char *bytes;

	ck_assert_int_eq(fstat(fd, &status), 0);
	*length_r = (size_t)status.st_size;
	bytes = malloc(*length_r + 1);
	ck_assert_int_eq(pread(fd, bytes, *length_r, 0), (ssize_t)*length_r);
	return bytes;
}

static inline struct file *
find_file(ino_t inode)
{
	for (size_t i = 0; i < file_count; i++)
		if (files[i].inode == inode)
			return &files[i];
	return NULL;
}

/* Takes in what is new in the directory. */
static inline void
look_at_directory(void)
{
	DIR *directory = opendir(fixture_path("segment", "."));
	const struct dirent *entry;

	while ((entry = readdir(directory)) != NULL) {
		struct file *file = &files[file_count];
		char name[SEGMENT_NAME_SIZE];

		if (entry->d_name[0] == '.' || find_file(entry->d_ino) != NULL)
			continue;
		ck_assert_uint_lt(file_count++, FILES_MAX);
		*file = (struct file){ .inode = entry->d_ino };
		strlcpy(name, entry->d_name, sizeof(name));
		strlcpy(file->path, fixture_path("segment", name), sizeof(file->path));
		file->fd = open(file->path, O_RDONLY);
		ck_assert_int_ge(file->fd, 0);
	}
	closedir(directory);
}

static inline bool
is_present(const struct file *file)
{
	struct stat status;

	return stat(file->path, &status) == 0 && status.st_ino == file->inode;
}

static inline int
power_sync(struct disk *disk, int fd, enum disk_what what, disk_done *done, void *context)
{
	struct pending *pending = &pendings[pending_count];
	struct stat status;

	(void)disk;
	ck_assert_uint_lt(pending_count++, PENDING_MAX);
	*pending = (struct pending){ .done = done, .context = context, .what = what, .asked_at = ++asked };
	look_at_directory();
	if (what == DISK_SEGMENT) {
		ck_assert_int_eq(fstat(fd, &status), 0);
		pending->file = find_file(status.st_ino);
		ck_assert_ptr_nonnull(pending->file);
		pending->bytes = read_whole(fd, &pending->length);
	} else {
		for (size_t i = 0; i < file_count; i++)
			pending->present[i] = is_present(&files[i]);
	}
	return 0;
}

/* The sync is done. An older one that ends later changes nothing any more. */
static inline void
become_durable(struct pending *pending)
{
	struct file *file = pending->file;

	if (pending->what == DISK_SEGMENT && pending->asked_at > file->synced_at && !file->failed) {
		free(file->synced);
		file->synced = pending->bytes;
		file->synced_length = pending->length;
		file->synced_at = pending->asked_at;
		pending->bytes = NULL;
	}
	if (pending->what == DISK_SEGMENT_DIRECTORY && pending->asked_at > named_at) {
		for (size_t i = 0; i < file_count; i++)
			files[i].named = pending->present[i];
		named_at = pending->asked_at;
	}
	free(pending->bytes);
}

/* Answers one, in any order. */
static inline void
answer_any(int error)
{
	struct pending pending;
	size_t at;

	if (pending_count == 0)
		return;
	at = random_below((unsigned)pending_count);
	pending = pendings[at];
	memmove(&pendings[at], &pendings[at + 1], (--pending_count - at) * sizeof(pendings[0]));
	if (error != 0 && pending.file != NULL)
		pending.file->failed = true;
	if (error == 0)
		become_durable(&pending);
	else
		free(pending.bytes);
	pending.done(pending.context, error);
}

/* Of what it was asked, some is done. */
static inline void
kill_syncer(void)
{
	static struct pending taken[PENDING_MAX];
	size_t count = pending_count;

	memcpy(taken, pendings, count * sizeof(taken[0]));
	pending_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (random_below(2) == 0)
			become_durable(&taken[i]);
		else
			free(taken[i].bytes);
		taken[i].done(taken[i].context, -ECONNRESET);
	}
}

/* What a cut leaves of a file: each sector that was not synced is there, or not. */
static inline void
write_remains(const struct file *file)
{
	size_t length, size;
	char *bytes = read_whole(file->fd, &length);
	size_t most = length > file->synced_length ? length : file->synced_length;
	char *remains = calloc(1, most + SECTOR);
	int fd;

	if (file->synced_length > 0)
		memcpy(remains, file->synced, file->synced_length);
	for (size_t at = 0; at < length; at += SECTOR)
		if (random_below(2) == 0)
			memcpy(remains + at, bytes + at, length - at < SECTOR ? length - at : SECTOR);
	size = random_below(2) == 0 ? length : file->synced_length;
	/* A cut-off end was zeros; a file's growth is synced with what stands in it. */
	if (size < file->synced_length && size != length)
		size = file->synced_length;
	fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(write(fd, remains, size), (ssize_t)size);
	close(fd);
	free(remains);
	free(bytes);
}

static inline void
forget_files(void)
{
	while (file_count > 0) {
		close(files[--file_count].fd);
		free(files[file_count].synced);
	}
	while (pending_count > 0)
		free(pendings[--pending_count].bytes);
	named_at = asked;
}

/* What recovery leaves is durable, but for the new segment. */
static inline void
take_as_durable(void)
{
	struct file *newest = NULL;

	look_at_directory();
	for (size_t i = 0; i < file_count; i++) {
		files[i].named = true;
		files[i].synced = read_whole(files[i].fd, &files[i].synced_length);
		if (newest == NULL || strcmp(files[i].path, newest->path) > 0)
			newest = &files[i];
	}
	ck_assert_ptr_nonnull(newest);
	newest->named = false;
	newest->synced_length = 0;
}

static inline void
start(void)
{
	struct store_options options = {
		.directory = fixture.directory,
		.segment_size = SEGMENT_SIZE_MIN,
		.disk = &fixture.disk,
		.wake = fixture_wake,
		.context = &fixture,
	};

	fixture.disk.sync = power_sync;
	ck_assert_int_eq(store_open(&options, &fixture.store), 0);
	take_as_durable();
	store_flush(fixture.store);
}

static inline void
cut_power(void)
{
	bool stays[FILES_MAX];

	look_at_directory();
	for (size_t i = 0; i < file_count; i++) {
		bool present = is_present(&files[i]);

		stays[i] = present == files[i].named ? present : random_below(2) == 0;
	}
	store_close(&fixture.store);
	for (size_t i = 0; i < file_count; i++) {
		/* Into a new file: the old one's descriptor is read meanwhile. */
		unlink(files[i].path);
		if (stays[i])
			write_remains(&files[i]);
	}
	forget_files();
	start();
}

#endif
