/*
 * Files of bodies that are too large for a record: body/QUEUEID.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/store_state.h"

enum { BODY_KEPT_SIZE = QUEUEID_SIZE + sizeof(".body") }; /* bytes of a body's name in damaged/ */

/* A body whose file and name are being synced. */
struct body_sync {
	disk_done *done;
	void *context;
	unsigned left;
	int error;
};

int
store_create_body(struct store *store, uint64_t id)
{
	char name[QUEUEID_SIZE];
	int fd;

	queueid_format(id, name);
	fd = openat(store->body_directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int
store_open_body(const struct store *store, uint64_t id)
{
	char name[QUEUEID_SIZE];
	int fd;

	queueid_format(id, name);
	fd = openat(store->body_directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

void
store_remove_body(struct store *store, uint64_t id)
{
	char name[QUEUEID_SIZE];

	queueid_format(id, name);
	if (unlinkat(store->body_directory, name, 0) != 0 && errno != ENOENT)
		log_event(LOG_WARNING, "queue.body_not_removed", LOG_STRING("id", name), LOG_ERROR(errno));
}

static void
body_synced(void *context, int error)
{
	struct body_sync *sync = context;

	if (error != 0)
		sync->error = error;
	if (--sync->left > 0)
		return;
	sync->done(sync->context, sync->error);
	free(sync);
}

int
store_sync_body(struct store *store, uint64_t id, disk_done *done, void *context)
{
	struct disk *disk = store->options.disk;
	int fd = store_open_body(store, id);
	struct body_sync *sync;
	int error;

	if (fd < 0)
		return fd;
	sync = malloc(sizeof(*sync));
	if (sync == NULL) {
		close(fd);
		return -ENOMEM;
	}
	*sync = (struct body_sync){ .done = done, .context = context, .left = 1 };
	error = disk_sync(disk, fd, DISK_BODY, body_synced, sync);
	close(fd);
	if (error != 0) {
		free(sync);
		return error;
	}
	error = disk_sync(disk, store->body_directory, DISK_BODY_DIRECTORY, body_synced, sync);
	if (error == 0)
		sync->left++;
	else
		sync->error = error;
	return 0;
}

void
store_remove_departed(struct store *store)
{
	struct departed *departed;

	while ((departed = TAILQ_FIRST(&store->departed)) != NULL && departed->turn <= store->synced_turn) {
		TAILQ_REMOVE(&store->departed, departed, link);
		store_remove_body(store, departed->id);
		free(departed);
	}
}

/* ---- damage ---- */

static void
set_body_aside(const struct store *store, const char *name)
{
	char file[BODY_KEPT_SIZE];

	snprintf(file, sizeof(file), "%s.body", name);
	if (renameat(store->body_directory, name, store->damaged_directory, file) == 0)
		log_event(LOG_ERR, "queue.body_set_aside", LOG_STRING("kept", file));
	else if (errno != ENOENT)
		log_event(LOG_ERR, "queue.set_aside_failed", LOG_STRING("file", file), LOG_ERROR(errno));
}

/* The body stays where it is until its message is over; as long as it is there, its header section may still be returned. */
static void
keep_body(const struct store *store, const char *name)
{
	char file[BODY_KEPT_SIZE];

	snprintf(file, sizeof(file), "%s.body", name);
	if (linkat(store->body_directory, name, store->damaged_directory, file, 0) == 0)
		log_event(LOG_ERR, "queue.body_set_aside", LOG_STRING("kept", file));
	else if (errno != ENOENT && errno != EEXIST)
		log_event(LOG_ERR, "queue.set_aside_failed", LOG_STRING("file", file), LOG_ERROR(errno));
}

static void
keep_record(struct store *store, const struct message *message, const char *name)
{
	struct record *record = NULL;

	if (store_read(store, message, &record) == 0)
		store_set_aside(store, name, slice_of(record->image, record->size));
	record_release(&record);
}

void
store_keep_damaged(struct store *store, struct message *message)
{
	char name[QUEUEID_SIZE];

	queueid_format(message->id, name);
	keep_record(store, message, name);
	keep_body(store, name);
	message->damaged = true;
}

void
store_give_up(struct store *store, struct message *message)
{
	struct payload_range all = { 0, message->index_count };
	char name[QUEUEID_SIZE];

	queueid_format(message->id, name);
	keep_record(store, message, name);
	if (message->body_in_file)
		set_body_aside(store, name);
	store_results(store, message, RECIPIENT_REMOVED, &all, 1);
	store_end(store, message);
}

/* ---- at start ---- */

/* Missing or short. A body that cannot be looked at now is neither. */
static bool
body_is_damaged(const struct store *store, const char *name, uint64_t size)
{
	struct stat status;

	if (fstatat(store->body_directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	return !S_ISREG(status.st_mode) || (uint64_t)status.st_size < size;
}

static void
check_message(void *context, struct message *message)
{
	struct store *store = context;
	char name[QUEUEID_SIZE];

	if (!message->body_in_file)
		return;
	queueid_format(message->id, name);
	if (!body_is_damaged(store, name, message->body_size))
		return;
	log_event(LOG_ERR, "queue.body_missing", LOG_STRING("id", name), LOG_UINT("size", message->body_size));
	store_keep_damaged(store, message);
}

static void
check_body_file(struct store *store, const char *name, bool keep)
{
	const struct message *message;
	uint64_t id;

	if (queueid_parse(slice_from_string(name), &id) != 0) {
		log_event(LOG_WARNING, "queue.foreign_file", LOG_STRING("directory", "body"), LOG_STRING("file", name));
		return;
	}
	message = index_find(&store->index, id);
	if (message != NULL && message->body_in_file)
		return;
	if (keep)
		set_body_aside(store, name);
	else
		store_remove_body(store, id);
}

int
store_check_bodies(struct store *store, bool keep)
{
	const struct dirent *entry;
	int error;
	DIR *directory;
	int fd;

	index_each(&store->index, check_message, store);
	fd = openat(store->body_directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (directory == NULL) {
		error = -errno;
		close(fd);
		return error;
	}
	for (errno = 0; (entry = readdir(directory)) != NULL; errno = 0)
		if (entry->d_name[0] != '.')
			check_body_file(store, entry->d_name, keep);
	error = -errno;
	closedir(directory);
	return error;
}
