/*
 * Reading the directories of a maildrop: piece by piece, so that a maildrop with a million messages holds up
 * no other session.
 *
 * new/ is read before cur/: a file that is moved meanwhile is met at least once. Met twice, it counts once,
 * as the one in cur/.
 */
#include "pop3d/maildrop_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mail/maildir.h"

enum {
	PIECE_SIZE = 64 * 1024, /* bytes of directory entries at a time: some 700 names */
	NAME_MAX_BYTES = 255,   /* of a directory entry's name, in Linux */
	GROW_FIRST = 64,        /* messages */
	GROW_NAMES_FIRST = 4096, /* bytes */
	ROOM_STEP = 16,         /* bytes more than needed that a name gets when it has to move: flags change again */
};

/* One for all maildrops of the process; holds nothing between two calls. */
static union {
	struct dirent64 align;
	char bytes[PIECE_SIZE];
} piece;

/* Grows by half: NEEDED elements of SIZE bytes. The new number, or 0 when the memory allowed does not suffice. */
static uint32_t
grown(uint32_t present, size_t needed, uint32_t first, size_t size, size_t memory)
{
	size_t number = present + present / 2;

	if (number < first)
		number = first;
	if (number < needed)
		number = needed;
	if (number > memory / size)
		number = memory / size;
	return number < needed || number > UINT32_MAX ? 0 : (uint32_t)number;
}

static int
reserve_message(struct maildrop *maildrop)
{
	struct maildrop_message *messages;
	uint32_t size;

	if (maildrop->count < maildrop->size)
		return 0;
	if (maildrop->memory < maildrop->names_size)
		return -ENOBUFS;
	size = grown(maildrop->size, (size_t)maildrop->count + 1, GROW_FIRST, sizeof(*messages),
	             maildrop->memory - maildrop->names_size);
	if (size == 0)
		return -ENOBUFS;
	messages = reallocarray(maildrop->messages, size, sizeof(*messages));
	if (messages == NULL)
		return -ENOMEM;
	maildrop->messages = messages;
	maildrop->size = size;
	return 0;
}

static int
reserve_name(struct maildrop *maildrop, size_t length)
{
	size_t others = maildrop->size * sizeof(*maildrop->messages);
	uint32_t size;
	char *names;

	if (length <= maildrop->names_size - maildrop->names_used)
		return 0;
	if (maildrop->memory < others)
		return -ENOBUFS;
	size = grown(maildrop->names_size, maildrop->names_used + length, GROW_NAMES_FIRST, 1, maildrop->memory - others);
	if (size == 0)
		return -ENOBUFS;
	names = realloc(maildrop->names, size);
	if (names == NULL)
		return -ENOMEM;
	maildrop->names = names;
	maildrop->names_size = size;
	return 0;
}

static int
add_message(struct maildrop *maildrop, struct slice file, const struct maildir_name *name, uint8_t place)
{
	struct maildrop_message *message;
	int error = reserve_message(maildrop);

	if (error == 0)
		error = reserve_name(maildrop, file.length);
	if (error != 0)
		return error;
	message = &maildrop->messages[maildrop->count++];
	*message = (struct maildrop_message){
		.arrival = maildrop_arrival(file),
		.octets = name->has_wire_size ? name->wire_size : 0,
		.name = maildrop->names_used,
		.name_length = (uint8_t)file.length,
		.base_length = (uint8_t)name->base.length,
		.room = (uint8_t)file.length,
		.flags = (uint8_t)(place | (name->has_wire_size ? 0 : MAILDROP_UNSIZED)),
	};
	memcpy(maildrop->names + maildrop->names_used, file.data, file.length);
	maildrop->names_used += (uint32_t)file.length;
	return 0;
}

static struct maildrop_message *
find(const struct maildrop *maildrop, struct slice base)
{
	uint64_t arrival = maildrop_arrival(base);
	uint32_t low = 0;
	uint32_t high = maildrop->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = maildrop_compare(maildrop, &maildrop->messages[middle], arrival, base);

		if (order == 0)
			return &maildrop->messages[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A rescan met FILE: takes its new name over when it is one of the session's messages. */
static int
update_message(struct maildrop *maildrop, struct slice file, const struct maildir_name *name, uint8_t place)
{
	struct maildrop_message *message = find(maildrop, name->base);

	if (message == NULL)
		return 0; /* it arrived meanwhile: for the next session */
	if (file.length > message->room) {
		size_t room = file.length + ROOM_STEP < NAME_MAX_BYTES ? file.length + ROOM_STEP : NAME_MAX_BYTES;
		int error = reserve_name(maildrop, room);

		if (error != 0)
			return error;
		message->name = maildrop->names_used;
		message->room = (uint8_t)room;
		maildrop->names_used += (uint32_t)room;
	}
	memcpy(maildrop->names + message->name, file.data, file.length);
	message->name_length = (uint8_t)file.length;
	message->flags = (uint8_t)((message->flags & ~MAILDROP_IN_NEW) | place | MAILDROP_SEEN);
	return 0;
}

/* Some file systems do not tell the type with the name. */
static bool
is_regular(int directory, const struct dirent64 *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	return fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

static int
take_entry(struct maildrop *maildrop, const struct dirent64 *entry)
{
	uint8_t place = maildrop->stage == MAILDROP_READING_NEW ? MAILDROP_IN_NEW : 0;
	struct slice file = slice_from_string(entry->d_name);
	struct maildir_name name;

	if (file.length > NAME_MAX_BYTES || !maildir_name_parse(file, &name) || !is_regular(maildrop->scan, entry))
		return 0;
	return maildrop->again ? update_message(maildrop, file, &name, place) : add_message(maildrop, file, &name, place);
}

/* 1 when there was something, 0 at the end of the directory, or a negative errno value. */
static int
read_piece(struct maildrop *maildrop)
{
	ssize_t length = getdents64(maildrop->scan, piece.bytes, sizeof(piece.bytes));

	if (length < 0)
		return -errno;
	for (ssize_t at = 0; at < length;) {
		const struct dirent64 *entry = (const void *)(piece.bytes + at);
		int error = take_entry(maildrop, entry);

		if (error != 0)
			return error;
		at += entry->d_reclen;
	}
	return length > 0;
}

/* 1 when there is more in this directory, 0 when it is read, or a negative errno value. */
static int
read_directory(struct maildrop *maildrop, const char *name)
{
	int more;

	if (maildrop->scan < 0) {
		maildrop->scan = openat(maildrop->directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (maildrop->scan < 0)
			return errno == ENOENT ? 0 : -errno; /* a Maildir that is not whole has no messages there */
	}
	more = read_piece(maildrop);
	if (more == 0) {
		close(maildrop->scan);
		maildrop->scan = -1;
	}
	return more;
}

/* One message met twice becomes one. Which of two equal ones is kept: that in cur/. */
static void
remove_doubles(struct maildrop *maildrop)
{
	struct maildrop_message *messages = maildrop->messages;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < maildrop->count; i++) {
		struct maildrop_message *last = kept == 0 ? NULL : &messages[kept - 1];
		struct slice base = maildrop_base_name(maildrop, &messages[i]);

		if (last == NULL || maildrop_compare(maildrop, last, messages[i].arrival, base) != 0) {
			messages[kept++] = messages[i];
			continue;
		}
		if ((last->flags & MAILDROP_IN_NEW) != 0)
			*last = messages[i];
		last->flags |= MAILDROP_TWICE;
	}
	maildrop->count = kept;
}

/* Gives back what growing took too much, when it is worth a call. */
static void
shrink(struct maildrop *maildrop)
{
	void *smaller;

	if (maildrop->count > 0 && maildrop->count < maildrop->size) {
		smaller = reallocarray(maildrop->messages, maildrop->count, sizeof(*maildrop->messages));
		if (smaller != NULL) {
			maildrop->messages = smaller;
			maildrop->size = maildrop->count;
		}
	}
	if (maildrop->names_used > 0 && maildrop->names_used < maildrop->names_size) {
		smaller = realloc(maildrop->names, maildrop->names_used);
		if (smaller != NULL) {
			maildrop->names = smaller;
			maildrop->names_size = maildrop->names_used;
		}
	}
}

static int
finish_scan(struct maildrop *maildrop)
{
	int error = maildrop_sort(maildrop);

	if (error != 0)
		return error;
	remove_doubles(maildrop);
	shrink(maildrop);
	for (uint32_t i = 0; i < maildrop->count; i++) {
		maildrop->octets += maildrop->messages[i].octets;
		maildrop->unsized += (maildrop->messages[i].flags & MAILDROP_UNSIZED) != 0;
	}
	return 0;
}

static int
finish_rescan(struct maildrop *maildrop)
{
	for (uint32_t i = 0; i < maildrop->count; i++) {
		struct maildrop_message *message = &maildrop->messages[i];
		uint8_t gone = (message->flags & MAILDROP_SEEN) == 0 ? MAILDROP_GONE : 0;

		message->flags = (uint8_t)((message->flags & ~(MAILDROP_SEEN | MAILDROP_GONE)) | gone);
	}
	return 0;
}

/* Ends a scan half-way. After a rescan the messages are as they were before, less what is known to have moved. */
static void
abandon(struct maildrop *maildrop)
{
	if (maildrop->scan >= 0)
		close(maildrop->scan);
	maildrop->scan = -1;
	maildrop->stage = MAILDROP_READY;
	for (uint32_t i = 0; i < maildrop->count; i++)
		maildrop->messages[i].flags &= (uint8_t)~MAILDROP_SEEN;
}

/* 1: there is more to do, 0: done, or a negative errno value. */
static int
next_stage(struct maildrop *maildrop)
{
	int more;

	switch (maildrop->stage) {
	case MAILDROP_READY:
		return 0;
	case MAILDROP_READING_NEW:
		more = read_directory(maildrop, "new");
		if (more == 0)
			maildrop->stage = MAILDROP_READING_CUR;
		return more < 0 ? more : 1;
	case MAILDROP_READING_CUR:
		more = read_directory(maildrop, "cur");
		if (more == 0)
			maildrop->stage = MAILDROP_SORTING;
		return more < 0 ? more : 1;
	case MAILDROP_SORTING:
		maildrop->stage = MAILDROP_READY;
		return maildrop->again ? finish_rescan(maildrop) : finish_scan(maildrop);
	}
	return -EINVAL;
}

int
maildrop_scan(struct maildrop *maildrop)
{
	int more = next_stage(maildrop);

	if (more < 0)
		abandon(maildrop);
	return more;
}

void
maildrop_rescan(struct maildrop *maildrop)
{
	if (maildrop->stage != MAILDROP_READY)
		return;
	maildrop->again = true;
	maildrop->stage = MAILDROP_READING_NEW;
}

bool
maildrop_scanning(const struct maildrop *maildrop)
{
	return maildrop->stage != MAILDROP_READY;
}
