/*
 * The role "queue": store, scheduler and channels put together in one event loop.
 *
 * Whatever happens in a turn of the loop asks for one call at its end, in which the scheduler hands out work and the store
 * writes, once, what was appended.
 */
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/proto_jobs.h"
#include "common/proc/listener.h"
#include "common/proc/process.h"
#include "queued/admin.h"
#include "queued/deliver.h"
#include "queued/disk_link.h"
#include "queued/expand.h"
#include "queued/history.h"
#include "queued/relay.h"
#include "queued/roles.h"
#include "queued/schedule.h"
#include "queued/store.h"
#include "queued/submit.h"

enum {
	LAZY_MS = 200,         /* after which results are synced that no sync has carried */
	RETRY_MS = 1000,       /* between attempts to use a store that failed */
	SPACE_MS = 5000,       /* between looks at the free space */
	DUE_MAX_MS = 60 * 1000, /* the timetable is in wall-clock time, which may jump */
	STOP_MS = 5000,        /* for which a stop waits for the disk */
};

struct queue {
	struct process *process;
	struct store *store;
	struct schedule *schedule;
	struct submit *submit;
	struct workers *deliver;
	struct workers *relay;
	struct admin *admin;
	struct history *history;
	struct disk_link *disk;
	struct listener *smtpd;
	struct listener *deliverd;
	struct listener *relayd;
	struct listener *tools;
	struct event *turn;   /* the end of this turn of the loop */
	struct event *lazy;
	struct event *retry;
	struct event *space;
	struct event *look;   /* whether the workers go on */
	struct event *due;
	struct event *stop;
	uint64_t segment;     /* the newest one when the free space was last looked at */
	bool turning;         /* TURN is active */
	bool stopping;
};

static void
arm(struct event *event, int64_t milliseconds)
{
	struct timeval delay = { .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };

	event_add(event, &delay);
}

static void
arm_once(struct event *event, int64_t milliseconds)
{
	if (!event_pending(event, EV_TIMEOUT, NULL))
		arm(event, milliseconds);
}

/* ---- hooks ---- */

static void
queue_wake(void *context)
{
	struct queue *queue = context;

	if (queue->turning)
		return;
	queue->turning = true;
	event_active(queue->turn, EV_TIMEOUT, 0);
}

static const struct config *
queue_config(void *context)
{
	struct queue *queue = context;

	return process_config(queue->process);
}

static int64_t
queue_now(void *context)
{
	(void)context;
	return clock_wall();
}

static int64_t
queue_ticks(void *context)
{
	(void)context;
	return clock_monotonic_ms();
}

static void
queue_transport_ready(void *context)
{
	struct queue *queue = context;

	if (queue->schedule != NULL)
		schedule_transport_ready(queue->schedule);
}

static void
queue_expander_up(void *context)
{
	struct queue *queue = context;

	schedule_expander_up(queue->schedule);
}

/* ---- the end of a turn, and timers ---- */

static void
queue_check_space(struct queue *queue)
{
	if (queue->submit != NULL)
		submit_look(queue->submit);
	queue->segment = store_newest_segment(queue->store);
}

static void
queue_arm_due(struct queue *queue)
{
	int64_t due = schedule_due(queue->schedule), ticks = schedule_due_ticks(queue->schedule);
	int64_t wait = DUE_MAX_MS;

	if ((due == INT64_MAX && ticks == INT64_MAX) || store_is_broken(queue->store)) {
		event_del(queue->due);
		return;
	}
	if (due != INT64_MAX && due - clock_wall() < DUE_MAX_MS / 1000)
		wait = (due - clock_wall()) * 1000;
	if (ticks != INT64_MAX && ticks - clock_monotonic_ms() < wait)
		wait = ticks - clock_monotonic_ms();
	arm(queue->due, (wait < 0 ? 0 : wait) + 1);
}

static void
queue_on_turn(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd;
	(void)what;
	queue->turning = false;
	if (!queue->stopping)
		schedule_turn(queue->schedule);
	store_flush(queue->store);
	if (store_is_broken(queue->store))
		arm_once(queue->retry, RETRY_MS);
	/* A new segment takes the most space at once. */
	if (store_is_broken(queue->store) || store_newest_segment(queue->store) != queue->segment)
		queue_check_space(queue);
	if (store_has_lazy(queue->store))
		arm_once(queue->lazy, LAZY_MS);
	if (!queue->stopping)
		queue_arm_due(queue);
	else if (store_is_idle(queue->store))
		process_stop(queue->process);
	else
		store_sync(queue->store);
}

static void
queue_on_lazy(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd;
	(void)what;
	store_sync(queue->store);
}

static void
queue_on_retry(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd;
	(void)what;
	store_retry(queue->store);
	queue_wake(queue);
}

static void
queue_on_space(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd;
	(void)what;
	queue_check_space(queue);
	queue_wake(queue); /* whatever got stuck for want of memory goes on */
	arm(queue->space, SPACE_MS);
}

static void
queue_on_look(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd;
	(void)what;
	workers_look(queue->deliver);
	workers_look(queue->relay);
	arm(queue->look, JOBS_ALIVE_S * 1000);
}

static void
queue_on_due(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	queue_wake(context);
}

/* ---- channels ---- */

static void
queue_on_smtpd(void *context, int client)
{
	struct queue *queue = context;

	submit_accept(queue->submit, client);
}

static void
queue_on_deliverd(void *context, int client)
{
	struct queue *queue = context;

	workers_accept(queue->deliver, client);
}

static void
queue_on_relayd(void *context, int client)
{
	struct queue *queue = context;

	workers_accept(queue->relay, client);
}

static void
queue_on_tool(void *context, int client)
{
	struct queue *queue = context;

	admin_accept(queue->admin, client);
}

/* ---- start and stop ---- */

static void
queue_on_reload(void *context)
{
	struct queue *queue = context;

	queue_check_space(queue);
	queue_wake(queue);
}

static void
queue_on_stop_timeout(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd;
	(void)what;
	log_event(LOG_WARNING, "queue.stopped_early");
	process_stop(queue->process);
}

/* Takes nothing more, and waits for what is on its way to the disk. Jobs that are not reported are delivered again. */
static void
queue_on_stop(void *context)
{
	struct queue *queue = context;

	queue->stopping = true;
	listener_free(&queue->smtpd);
	listener_free(&queue->deliverd);
	listener_free(&queue->relayd);
	listener_free(&queue->tools);
	admin_free(&queue->admin);
	submit_close(&queue->submit);
	arm(queue->stop, STOP_MS);
	queue_wake(queue);
}

static void
queue_on_recovered(void *context, struct message *message)
{
	struct queue *queue = context;

	schedule_recovered(queue->schedule, message);
}

static int
queue_open_store(struct queue *queue)
{
	struct store_options options = {
		.directory = process_directory(queue->process),
		.segment_size = process_config(queue->process)->segment_size,
		.disk = disk_link_disk(queue->disk),
		.wake = queue_wake,
		.context = queue,
	};
	int error = store_open(&options, &queue->store);

	if (error != 0)
		log_event(LOG_ERR, "queue.spool_unusable", LOG_STRING("directory", process_config(queue->process)->spool_directory),
		          LOG_ERROR(error));
	return error;
}

static int
queue_make_events(struct queue *queue)
{
	struct event_base *base = process_base(queue->process);

	queue->turn = evtimer_new(base, queue_on_turn, queue);
	queue->lazy = evtimer_new(base, queue_on_lazy, queue);
	queue->retry = evtimer_new(base, queue_on_retry, queue);
	queue->space = evtimer_new(base, queue_on_space, queue);
	queue->look = evtimer_new(base, queue_on_look, queue);
	queue->due = evtimer_new(base, queue_on_due, queue);
	queue->stop = evtimer_new(base, queue_on_stop_timeout, queue);
	return queue->turn == NULL || queue->lazy == NULL || queue->retry == NULL || queue->space == NULL || queue->look == NULL ||
	                       queue->due == NULL || queue->stop == NULL
	               ? -ENOMEM
	               : 0;
}

static int
queue_make_parts(struct queue *queue)
{
	struct expander *expander;

	queue->disk = disk_link_new(queue->process);
	queue->deliver = workers_new(&deliver_protocol, process_base(queue->process), queue_transport_ready, queue);
	queue->relay = workers_new(&relay_protocol, process_base(queue->process), queue_transport_ready, queue);
	expander = expand_link_new(queue->process, queue_expander_up, queue);
	if (queue->disk == NULL || queue->deliver == NULL || queue->relay == NULL || expander == NULL)
		return -ENOMEM;
	if (queue_open_store(queue) != 0)
		return -EIO;
	queue->history = history_new(HISTORY_SIZE);
	if (queue->history == NULL)
		return -ENOMEM;
	queue->schedule = schedule_new(&(struct schedule_hooks){
		.store = queue->store,
		.history = queue->history,
		.expander = expander,
		.local = workers_transport(queue->deliver),
		.remote = workers_transport(queue->relay),
		.config = queue_config,
		.now = queue_now,
		.ticks = queue_ticks,
		.wake = queue_wake,
		.context = queue,
	});
	if (queue->schedule == NULL)
		return -ENOMEM;
	queue->submit = submit_new(&(struct submit_hooks){
		.base = process_base(queue->process),
		.store = queue->store,
		.schedule = queue->schedule,
		.config = queue_config,
		.context = queue,
	});
	queue->admin = admin_new(&(struct admin_hooks){
		.base = process_base(queue->process),
		.store = queue->store,
		.schedule = queue->schedule,
		.history = queue->history,
		.now = queue_now,
		.context = queue,
	});
	return queue->submit == NULL || queue->admin == NULL ? -ENOMEM : 0;
}

static int
queue_listen(struct queue *queue)
{
	queue->smtpd = listener_new_unix(queue->process, "queued-smtpd", queue_on_smtpd, queue);
	queue->deliverd = listener_new_unix(queue->process, "queued-deliverd", queue_on_deliverd, queue);
	queue->relayd = listener_new_unix(queue->process, "queued-relayd", queue_on_relayd, queue);
	queue->tools = listener_new_unix(queue->process, "queued-admin", queue_on_tool, queue);
	return queue->smtpd == NULL || queue->deliverd == NULL || queue->relayd == NULL || queue->tools == NULL ? -ENOMEM : 0;
}

int
queue_main(struct process *process)
{
	struct queue queue = { .process = process };
	int error = queue_make_events(&queue);

	if (error == 0)
		error = queue_make_parts(&queue);
	if (error == 0)
		error = queue_listen(&queue);
	if (error != 0) {
		log_event(LOG_ERR, "queue.not_started", LOG_ERROR(error));
		return EX_OSERR;
	}
	store_each(queue.store, queue_on_recovered, &queue);
	queue_check_space(&queue);
	arm(queue.space, SPACE_MS);
	arm(queue.look, JOBS_ALIVE_S * 1000);
	queue_wake(&queue);
	process_on_reload(process, queue_on_reload, &queue);
	process_on_stop(process, queue_on_stop, &queue);
	return process_run(process);
}
