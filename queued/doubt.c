/*
 * Bodies in files that somebody found damaged, by their checksum or their length. A worker's word is not enough to give up a message for all of
 * its recipients; and what is wrong in memory may be right on the disk. So the queue itself looks, from the disk and some in each turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/schedule_state.h"

enum { DOUBT_STEP = 256 * 1024 }; /* bytes in one turn */

void
active_doubt(struct active *active)
{
	struct schedule *schedule = active->schedule;

	if (active->doubted || active->message->damaged || !active->message->body_in_file)
		return;
	active->doubted = true;
	TAILQ_INSERT_TAIL(&schedule->doubted, active, doubt_link);
	schedule_wake(schedule);
}

void
active_trust(struct active *active)
{
	struct schedule *schedule = active->schedule;

	if (!active->doubted)
		return;
	if (active == TAILQ_FIRST(&schedule->doubted) && schedule->doubt.fd >= 0) {
		close(schedule->doubt.fd);
		schedule->doubt.fd = -1;
	}
	TAILQ_REMOVE(&schedule->doubted, active, doubt_link);
	active->doubted = false;
}

/* 0; -EUCLEAN: there is no such file; or another negative errno value. */
static int
doubt_begin(struct schedule *schedule, struct active *active)
{
	int error = active_load(active);
	int fd;

	if (error != 0)
		return error;
	fd = store_open_body(schedule->hooks.store, active->message->id);
	if (fd < 0)
		return fd == -ENOENT ? -EUCLEAN : fd;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	body_file_begin(&schedule->doubt, fd, active->message->body_size, active->payload.sums.whole);
	return 0;
}

/* ERROR: 0: its body is right; -EUCLEAN: it is damaged; else that is not known now. */
static void
doubt_end(struct active *active, int error)
{
	char name[QUEUEID_SIZE];

	active_trust(active);
	queueid_format(active->message->id, name);
	if (error == -EUCLEAN) {
		log_event(LOG_ERR, "queue.damaged", LOG_STRING("id", name), LOG_STRING("part", "body"));
		store_keep_damaged(active->schedule->hooks.store, active->message);
	} else {
		log_event(LOG_WARNING, "queue.not_damaged", LOG_STRING("id", name), LOG_ERROR(error));
	}
	active_check(active);
}

void
doubts_run(struct schedule *schedule)
{
	static char area[DOUBT_STEP];
	struct active *active = TAILQ_FIRST(&schedule->doubted);
	struct slice piece = SLICE("");
	int error = 0;

	if (active == NULL)
		return;
	schedule_wake(schedule);
	if (schedule->doubt.fd < 0)
		error = doubt_begin(schedule, active);
	if (error == 0)
		error = body_file_read(&schedule->doubt, area, sizeof(area), &piece);
	if (error != 0 || piece.length == 0)
		doubt_end(active, error);
}
