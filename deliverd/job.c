/*
 * Jobs: one allocation holds the job, its targets, its strings, and its body with LF line ends.
 */
#include "deliverd/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ipc/proto_jobs.h"
#include "deliverd/lineends.h"

enum {
	TARGET_FIELDS_MIN = 4 * 4 + 8, /* bytes of a target's fields when its four strings are empty */
};

/*
 * Takes the next string of READER into the memory at *room. A NUL inside of it makes the reader bad. A bad
 * reader has no more strings, and no length field to make room for a NUL.
 */
static const char *
take_string(struct wire_reader *reader, char **room)
{
	struct slice s = wire_get_slice(reader);
	char *copy = *room;

	if (slice_find(s, '\0') != s.length)
		reader->bad = true;
	if (reader->bad)
		return "";
	if (s.length > 0)
		memcpy(copy, s.data, s.length);
	copy[s.length] = '\0';
	*room += s.length + 1;
	return copy;
}

static void
take_target(struct wire_reader *reader, struct job_target *target, char **room)
{
	target->state = TARGET_WAITING;
	target->fd = -1;
	target->path = take_string(reader, room);
	target->quota = wire_get_u64(reader);
	target->folder = take_string(reader, room);
	target->delivered_to = take_string(reader, room);
	target->original = take_string(reader, room);
}

static void
take_body(struct job *job, struct slice body, char **room)
{
	struct lineends lineends = { 0 };
	size_t length = lineends_convert(&lineends, body, *room);

	length += lineends_finish(&lineends, *room + length);
	job->body = slice_of(*room, length);
	job->body_wire_size = lineends.wire_size;
	*room += length;
}

/* Whether it is as long as announced, and can be looked at, is seen when it is read: it may be cut until then. */
static bool
is_file(int fd)
{
	struct stat status;

	return fstat(fd, &status) != 0 || S_ISREG(status.st_mode);
}

/* The fields that come before the targets. */
struct job_head {
	uint64_t id;
	int64_t arrival;
	struct slice reverse_path;
	uint64_t size;
	uint32_t checksum;
	struct slice body;
	uint32_t count;
};

static int
decode_head(struct wire_reader *reader, int fd, struct job_head *head_r)
{
	head_r->id = wire_get_u64(reader);
	head_r->arrival = (int64_t)wire_get_u64(reader);
	head_r->reverse_path = wire_get_slice(reader);
	wire_get_u8(reader); /* enum deliver_flag: a Maildir takes every message as it is */
	head_r->size = wire_get_u64(reader);
	head_r->checksum = wire_get_u32(reader);
	head_r->body = wire_get_slice(reader);
	head_r->count = wire_get_u32(reader);
	if (reader->bad || head_r->count == 0 || head_r->count > DELIVER_TARGETS_MAX)
		return -EPROTO;
	if (slice_find(head_r->reverse_path, '\0') != head_r->reverse_path.length)
		return -EPROTO;
	if (wire_left(reader) < (size_t)head_r->count * TARGET_FIELDS_MIN || head_r->size > INT64_MAX)
		return -EPROTO;
	if (fd < 0)
		return head_r->body.length == head_r->size ? 0 : -EPROTO;
	return head_r->body.length == 0 && is_file(fd) ? 0 : -EPROTO;
}

int
job_decode(struct wire_reader *reader, int fd, struct job **job_r)
{
	struct job_head head;
	struct job *job;
	size_t fixed;
	char *room;
	int error = decode_head(reader, fd, &head);

	if (error != 0)
		return error;
	/* A string's length field makes room for its NUL; converting needs one byte more than the body. */
	fixed = sizeof(*job) + head.count * sizeof(job->targets[0]);
	job = malloc(fixed + head.reverse_path.length + 1 + wire_left(reader) + head.body.length + 1);
	if (job == NULL)
		return -ENOMEM;
	memset(job, 0, fixed);
	room = (char *)job + fixed;
	*job = (struct job){ .id = head.id, .arrival = head.arrival, .size = head.size, .checksum = head.checksum, .fd = -1 };
	job->target_count = head.count;
	job->reverse_path = room;
	slice_to_string(head.reverse_path, room, head.reverse_path.length + 1);
	room += head.reverse_path.length + 1;
	for (uint32_t i = 0; i < job->target_count; i++)
		take_target(reader, &job->targets[i], &room);
	if (!wire_done(reader)) {
		job_free(&job);
		return -EPROTO;
	}
	take_body(job, head.body, &room);
	job->fd = fd;
	*job_r = job;
	return 0;
}

void
job_put_reply(const struct job *job, struct wire_writer *writer)
{
	wire_put_u32(writer, job->target_count);
	for (uint32_t i = 0; i < job->target_count; i++) {
		const struct outcome *outcome = &job->targets[i].outcome;
		char text[JOBS_TEXT_MAX];

		outcome_text(outcome, text, sizeof(text));
		wire_put_u8(writer, (uint8_t)outcome->result);
		wire_put_string(writer, outcome->status);
		wire_put_string(writer, text);
	}
}

void
job_free(struct job **job)
{
	if (*job != NULL && (*job)->fd >= 0)
		close((*job)->fd);
	free(*job);
	*job = NULL;
}
