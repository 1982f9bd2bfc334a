/*
 * The disk as the role "queue" has it: a link to the syncer. Requests wait here while there is no syncer, or while it has enough to
 * do; what it had when it died is answered with -ECONNRESET.
 */
#include "queued/disk_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/ipc/link.h"
#include "queued/proto_sync.h"

struct question {
	STAILQ_ENTRY(question) link;
	struct disk_link *owner;
	enum disk_what what;
	int fd; /* our own duplicate until it is sent */
	disk_done *done;
	void *context;
};

struct disk_link {
	struct disk disk;
	struct link *link;
	STAILQ_HEAD(, question) waiting;
	unsigned asked; /* at the syncer */
};

static void disk_link_pump(struct disk_link *disk_link);

static int
disk_link_answered(void *context, int status, struct channel_frame *frame)
{
	struct question *question = context;
	struct disk_link *disk_link = question->owner;
	uint32_t error;

	disk_link->asked--;
	if (status == 0) {
		error = wire_get_u32(&frame->body);
		status = frame->type != SYNC_DONE || frame->body.bad || error > 4095 ? -EIO : -(int)error;
		/* The syncer's own words for "I do not know" would be taken for its death. */
		if (status == -ECONNRESET)
			status = -EIO;
	}
	question->done(question->context, status);
	free(question);
	disk_link_pump(disk_link);
	return 0;
}

static int
question_send(struct question *question)
{
	struct wire_writer writer = link_begin(question->owner->link, SYNC_FILE, question->fd);

	question->fd = -1;
	wire_put_u8(&writer, (uint8_t)question->what);
	return link_send(question->owner->link, &writer, disk_link_answered, question, NULL);
}

static void
disk_link_pump(struct disk_link *disk_link)
{
	while (link_is_up(disk_link->link) && disk_link->asked < SYNC_AT_ONCE && !STAILQ_EMPTY(&disk_link->waiting)) {
		struct question *question = STAILQ_FIRST(&disk_link->waiting);
		int error;

		STAILQ_REMOVE_HEAD(&disk_link->waiting, link);
		disk_link->asked++;
		error = question_send(question);
		if (error == 0)
			continue;
		disk_link->asked--;
		question->done(question->context, error == -ENOTCONN ? -ECONNRESET : error);
		free(question);
	}
}

static int
disk_link_sync(struct disk *disk, int fd, enum disk_what what, disk_done *done, void *context)
{
	struct disk_link *disk_link = (struct disk_link *)(void *)disk;
	struct question *question = malloc(sizeof(*question));
	int error;

	if (question == NULL)
		return -ENOMEM;
	*question = (struct question){ .owner = disk_link, .what = what, .done = done, .context = context };
	question->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (question->fd < 0) {
		error = -errno;
		free(question);
		return error;
	}
	STAILQ_INSERT_TAIL(&disk_link->waiting, question, link);
	/* The usual case sends at once; an error in it must not be answered before we return, so it is left to the next pump. */
	if (link_is_up(disk_link->link) && disk_link->asked < SYNC_AT_ONCE && STAILQ_FIRST(&disk_link->waiting) == question) {
		STAILQ_REMOVE_HEAD(&disk_link->waiting, link);
		error = question_send(question);
		if (error == 0) {
			disk_link->asked++;
			return 0;
		}
		free(question);
		return error == -ENOTCONN ? -ECONNRESET : error;
	}
	return 0;
}

static int
disk_link_fill(struct disk *disk, int fd, disk_done *done, void *context)
{
	return disk_link_sync(disk, fd, DISK_SPARE, done, context);
}

static void
disk_link_up(struct link *link, void *context)
{
	(void)link;
	disk_link_pump(context);
}

static const struct link_protocol protocol = {
	.channel = "syncer",
	.input_limit = SYNC_FRAME_MAX,
	.output_limit = SYNC_OUTPUT_MAX,
	.up = disk_link_up,
};

struct disk_link *
disk_link_new(struct process *process)
{
	struct disk_link *disk_link = calloc(1, sizeof(*disk_link));

	if (disk_link == NULL)
		return NULL;
	STAILQ_INIT(&disk_link->waiting);
	disk_link->disk.sync = disk_link_sync;
	disk_link->disk.fill = disk_link_fill;
	disk_link->link = link_new(process, &protocol, disk_link);
	if (disk_link->link == NULL) {
		free(disk_link);
		return NULL;
	}
	return disk_link;
}

struct disk *
disk_link_disk(struct disk_link *disk_link)
{
	return &disk_link->disk;
}
