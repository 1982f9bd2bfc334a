/*
 * Writing a message: a small body is in memory, with LF line ends; a large one is read and converted a
 * chunk at a time, and each chunk is written to every mailbox.
 */
#include "deliverd/message.h"

#include <errno.h>

#include "common/io/body_file.h"
#include "common/mail/address.h"
#include "common/mail/header.h"
#include "deliverd/lineends.h"
#include "deliverd/target.h"

/* The body cannot be read, for ERROR. */
static void
fail_all(struct job *job, int error)
{
	struct outcome outcome = outcome_queue_damaged;

	if (error != -EUCLEAN) {
		outcome = outcome_queue_failed;
		outcome.error = error;
	}
	for (uint32_t i = 0; i < job->target_count; i++)
		if (job->targets[i].state != TARGET_FAILED)
			target_fail(&job->targets[i], outcome);
}

static void
append_to_all(struct job *job, struct slice piece)
{
	for (uint32_t i = 0; i < job->target_count && piece.length > 0; i++)
		if (job->targets[i].state == TARGET_WRITTEN)
			target_append(&job->targets[i], piece);
}

/*
 * The next part of a body in a descriptor, at one byte after the chunk's beginning, so that it can be
 * converted in place.
 */
static int
read_chunk(struct store *store, struct body_file *file, struct slice *piece_r)
{
	return body_file_read(file, store->chunk + 1, STORE_CHUNK, piece_r);
}

/* PIECE is what read_chunk gave for the beginning. */
static int
copy_body(struct store *store, struct job *job, struct body_file *file, struct slice piece, struct lineends *lineends)
{
	for (;;) {
		size_t length = lineends_convert(lineends, piece, store->chunk);
		int error;

		append_to_all(job, slice_of(store->chunk, length));
		store_step(store);
		if (file->offset == file->size)
			break;
		error = read_chunk(store, file, &piece);
		if (error != 0)
			return error;
	}
	append_to_all(job, slice_of(store->chunk, lineends_finish(lineends, store->chunk)));
	return 0;
}

void
message_write(struct store *store, struct job *job)
{
	char return_path[2 * ADDRESS_MAX + 4];
	struct lineends lineends = { 0 };
	struct body_file file;
	struct message message = { .job = job, .header = job->body };
	int error;

	address_format_quoted(slice_from_string(job->reverse_path), return_path, sizeof(return_path));
	message.return_path = slice_from_string(return_path);
	body_file_begin(&file, job->fd, job->size, job->checksum);
	error = job->fd >= 0 ? read_chunk(store, &file, &message.header) : 0;
	if (error != 0) {
		fail_all(job, error);
		return;
	}
	message.delivered_before = header_count(message.header, SLICE("Delivered-To"), 1) > 0;
	for (uint32_t i = 0; i < job->target_count; i++) {
		target_begin(store, &message, &job->targets[i]);
		store_step(store);
	}
	error = job->fd >= 0 ? copy_body(store, job, &file, message.header, &lineends) : 0;
	if (error != 0) {
		fail_all(job, error);
		return;
	}
	for (uint32_t i = 0; i < job->target_count; i++)
		if (job->targets[i].state == TARGET_WRITTEN)
			target_complete(job, &job->targets[i], lineends.size, lineends.wire_size);
}
