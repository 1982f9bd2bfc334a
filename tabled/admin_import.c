/*
 * Import: the records of a file are added in one transaction. The first that cannot be added ends it, and
 * nothing was changed.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tabled/admin_verbs.h"

enum {
	READ_SIZE = 256 * 1024, /* bytes of one read */
};

struct import {
	struct admin *admin;
	const struct admin_call *call;
	struct buffer input;
	uint64_t size;    /* of the file, bytes */
	uint64_t read;    /* bytes */
	uint64_t records;
};

/* Puts the line's number before what was wrong with it. */
static enum admin_status
import_failed(struct import *import, uint32_t line, enum admin_status status)
{
	struct slice said =
		slice_first(slice_from_string(import->admin->reply.message), ADMIN_MESSAGE_SIZE - 64);
	char message[ADMIN_MESSAGE_SIZE];

	(void)slice_to_string(said, message, sizeof(message));
	return admin_say(import->admin, status, "line %u: %s; nothing was imported", line, message);
}

static enum admin_status
import_record(struct import *import, const struct wire_header *header, struct slice payload)
{
	struct wire_reader reader = wire_read(payload);
	struct admin_call call = { .verb = ADMIN_ADD, .flags = import->call->flags };
	struct admin_record record;
	enum admin_status status;

	if (header->type != ADMIN_RECORD || header->flags != 0 || !admin_record_get(&reader, &record))
		return admin_say(import->admin, ADMIN_INVALID, "the file of the call is malformed");
	call.noun = record.noun;
	call.name = record.name;
	call.record = record.record;
	status = admin_add(import->admin, &call);
	if (status != ADMIN_OK)
		return import_failed(import, header->request, status);
	if (++import->records % ADMIN_PROGRESS_EVERY == 0 &&
	    !admin_progress(import->admin, import->read - buffer_length(&import->input), import->size))
		return admin_storage(import->admin, -ECANCELED);
	return ADMIN_OK;
}

/* All whole frames that were read. */
static enum admin_status
import_frames(struct import *import)
{
	struct wire_header header;
	struct slice payload;
	int found;

	while ((found = wire_next(buffer_slice(&import->input), ADMIN_FRAME_MAX, &header, &payload)) == 1) {
		enum admin_status status = import_record(import, &header, payload);

		if (status != ADMIN_OK)
			return status;
		buffer_consume(&import->input, WIRE_HEADER_SIZE + (size_t)header.length);
	}
	if (found < 0)
		return admin_say(import->admin, ADMIN_INVALID, "the file of the call is malformed");
	return ADMIN_OK;
}

/* The number of bytes read, 0 at the end, or a negative errno value. */
static ssize_t
import_read(struct import *import)
{
	char *room;
	ssize_t got;
	int error = buffer_reserve(&import->input, READ_SIZE, &room);

	if (error != 0)
		return error;
	got = pread(import->admin->file, room, READ_SIZE, (off_t)import->read);
	if (got < 0)
		return -errno;
	buffer_commit(&import->input, (size_t)got);
	import->read += (uint64_t)got;
	return got;
}

static enum admin_status
import_all(struct import *import)
{
	ssize_t got;

	while ((got = import_read(import)) > 0) {
		enum admin_status status = import_frames(import);

		if (status != ADMIN_OK)
			return status;
	}
	if (got < 0)
		return admin_say(import->admin, ADMIN_TEMPORARY, "the file of the call cannot be read");
	if (buffer_length(&import->input) > 0)
		return admin_say(import->admin, ADMIN_INVALID, "the file of the call is malformed");
	return admin_say(import->admin, ADMIN_OK, "%ju records read, %ju added", (uintmax_t)import->records,
	                 (uintmax_t)import->admin->reply.count);
}

enum admin_status
admin_import(struct admin *admin, const struct admin_call *call)
{
	struct import import = { .admin = admin, .call = call };
	enum admin_status status;
	struct stat file;

	if (fstat(admin->file, &file) == -1)
		return admin_say(admin, ADMIN_TEMPORARY, "the file of the call cannot be read");
	import.size = (uint64_t)file.st_size;
	buffer_init(&import.input, ADMIN_FRAME_MAX + WIRE_HEADER_SIZE + READ_SIZE);
	status = import_all(&import);
	buffer_free(&import.input);
	return status;
}
