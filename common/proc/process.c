/*
 * A role process: takes what its parent hands it over the control channel, confines itself, and runs.
 *
 * An error before READY ends the process, which makes the parent refuse to start. Afterwards the end of the control
 * channel means that the parent is gone, and the role ends too.
 */
#include "common/proc/process.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/loop.h"
#include "common/ipc/channel.h"
#include "common/proc/confine.h"
#include "common/proc/control.h"
#include "common/proc/role_tls.h"
#include "common/proc/service.h"

enum {
	LISTENERS_MAX = 64,
	EXPECTED_MAX = 4, /* names that siblings may ask for */
	DESCRIPTORS_OWN = 64, /* that a process needs besides those for clients */
	STATE_PREPARING = 0,
	STATE_RUNNING = 1,
};

struct held_listener {
	char name[CONTROL_NAME_MAX];
	uid_t peer;
	int fd;
	bool going; /* to be closed after the next reload */
};

struct held_file {
	char name[CONTROL_NAME_MAX];
	int fd;
};

struct question {
	TAILQ_ENTRY(question) next;
	uint32_t request;
	void (*received)(void *context, int fd);
	void *context;
};

struct expected {
	const char *name;
	void (*callback)(void *context, int fd);
	void *context;
};

struct callback {
	void (*call)(void *context);
	void *context;
};

struct process {
	const struct service_role *role;
	const char *service;
	struct event_base *base;
	struct event *flush_log;
	struct channel *control;
	struct config config;
	struct held_listener listeners[LISTENERS_MAX];
	size_t listener_count;
	struct held_file files[SERVICE_NAMES_MAX];
	size_t file_count;
	struct expected expected[EXPECTED_MAX];
	size_t expected_count;
	TAILQ_HEAD(, question) questions;
	uint32_t last_request;
	struct callback on_reload;
	struct callback on_stop;
	struct confinement confinement;
	char directory[CONFIG_PATH_MAX];
	char name[CONTROL_NAME_MAX]; /* "smtpd/worker" */
	unsigned index;
	unsigned descriptors; /* that it may have */
	bool configured;
	bool started;
	bool stopping;
	int status;
};

/* The one of this process: the log's hook has no argument. */
static struct event *flush_log_event;

struct event_base *
process_base(struct process *process)
{
	return process->base;
}

const struct config *
process_config(const struct process *process)
{
	return &process->config;
}

const char *
process_role(const struct process *process)
{
	return process->role->name;
}

unsigned
process_index(const struct process *process)
{
	return process->index;
}

const char *
process_directory(const struct process *process)
{
	return process->directory[0] == '\0' ? NULL : process->directory;
}

unsigned
process_clients(const struct process *process, unsigned wanted, unsigned each)
{
	unsigned most = process->descriptors <= 2 * DESCRIPTORS_OWN ? 1 : (process->descriptors - DESCRIPTORS_OWN) / each;

	if (wanted <= most)
		return wanted;
	log_event(LOG_WARNING, "process.descriptors", LOG_UINT("limit", process->descriptors), LOG_UINT("wanted", wanted),
	          LOG_UINT("clients", most));
	return most;
}

static const struct held_listener *
process_find_listener(const struct process *process, const char *name, size_t index)
{
	for (size_t i = 0; i < process->listener_count; i++)
		if (!process->listeners[i].going && strcmp(process->listeners[i].name, name) == 0 && index-- == 0)
			return &process->listeners[i];
	return NULL;
}

int
process_listener(const struct process *process, const char *name, size_t index)
{
	const struct held_listener *listener = process_find_listener(process, name, index);

	return listener == NULL ? -1 : listener->fd;
}

int
process_file(const struct process *process, const char *name)
{
	for (size_t i = 0; i < process->file_count; i++)
		if (strcmp(process->files[i].name, name) == 0)
			return process->files[i].fd;
	return -1;
}

uid_t
process_listener_peer(const struct process *process, const char *name)
{
	const struct held_listener *listener = process_find_listener(process, name, 0);

	return listener == NULL ? 0 : listener->peer;
}

int
process_request_channel(struct process *process, const char *name, void (*received)(void *context, int fd), void *context)
{
	struct question *question = malloc(sizeof(*question));
	struct wire_writer writer;
	int error;

	if (question == NULL)
		return -ENOMEM;
	if (++process->last_request == 0)
		process->last_request = 1;
	*question = (struct question){ .request = process->last_request, .received = received, .context = context };
	writer = channel_begin(process->control, CONTROL_ASK, question->request, -1);
	wire_put_string(&writer, name);
	error = channel_send(process->control, &writer);
	if (error != 0) {
		free(question);
		return error;
	}
	TAILQ_INSERT_TAIL(&process->questions, question, next);
	return 0;
}

void
process_on_channel(struct process *process, const char *name, void (*callback)(void *context, int fd), void *context)
{
	if (process->expected_count < EXPECTED_MAX)
		process->expected[process->expected_count++] =
			(struct expected){ .name = name, .callback = callback, .context = context };
}

void
process_on_reload(struct process *process, void (*callback)(void *context), void *context)
{
	process->on_reload = (struct callback){ .call = callback, .context = context };
}

void
process_on_stop(struct process *process, void (*callback)(void *context), void *context)
{
	process->on_stop = (struct callback){ .call = callback, .context = context };
}

void
process_stop(struct process *process)
{
	event_base_loopexit(process->base, NULL);
}

int
process_run(struct process *process)
{
	struct wire_writer writer = channel_begin(process->control, CONTROL_READY, 0, -1);

	if (channel_send(process->control, &writer) != 0)
		return EX_OSERR;
	loop_run(process->base);
	log_flush();
	return process->status;
}

/* ---- what the parent sends ---- */

/* The role has let go of them. */
static void
process_close_listeners(struct process *process)
{
	size_t kept = 0;

	for (size_t i = 0; i < process->listener_count; i++)
		if (process->listeners[i].going)
			close(process->listeners[i].fd);
		else
			process->listeners[kept++] = process->listeners[i];
	process->listener_count = kept;
}

static int
process_on_config(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONFIG_PATH_MAX];
	char error[CONFIG_ERROR_MAX];
	struct slice text;
	struct config *config;

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	text = wire_get_slice(&frame->body);
	if (!wire_done(&frame->body))
		return -EBADMSG;
	config = malloc(sizeof(*config));
	if (config == NULL)
		return process->configured ? 0 : -ENOMEM;
	config_defaults(config);
	if (config_parse(config, name, text, error) != 0) {
		log_event(LOG_ERR, "config.refused", LOG_STRING("what", error));
		free(config);
		return process->configured ? 0 : -EINVAL;
	}
	process->config = *config;
	free(config);
	process->configured = true;
	log_set_level(process->config.log_level);
	if (process->started && process->on_reload.call != NULL)
		process->on_reload.call(process->on_reload.context);
	process_close_listeners(process);
	return 0;
}

static int
process_on_listener(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	struct held_listener *listener;

	(void)channel;
	if (process->listener_count == LISTENERS_MAX)
		return -E2BIG;
	listener = &process->listeners[process->listener_count++];
	listener->going = false;
	wire_get_string(&frame->body, listener->name, sizeof(listener->name));
	listener->peer = wire_get_u32(&frame->body);
	listener->fd = frame->fd;
	frame->fd = -1;
	return 0;
}

static int
process_on_unlisten(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONTROL_NAME_MAX];

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	for (size_t i = 0; i < process->listener_count; i++)
		if (strcmp(process->listeners[i].name, name) == 0)
			process->listeners[i].going = true;
	return 0;
}

/* Again on reload: the new one takes the place of the old. */
static int
process_on_file(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONTROL_NAME_MAX];
	size_t i;

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	for (i = 0; i < process->file_count && strcmp(process->files[i].name, name) != 0; i++)
		continue;
	if (i == SERVICE_NAMES_MAX)
		return -E2BIG;
	if (i < process->file_count)
		close(process->files[i].fd);
	else
		process->file_count++;
	strlcpy(process->files[i].name, name, sizeof(process->files[i].name));
	process->files[i].fd = frame->fd;
	frame->fd = -1;
	return 0;
}

static int
process_on_log(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;

	(void)channel;
	log_open(process->service, process->role->name, LOG_TO_SOCKET, frame->fd);
	frame->fd = -1;
	return 0;
}

static int
process_on_start(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;

	process->index = wire_get_u32(&frame->body);
	process->confinement.privileged = wire_get_u8(&frame->body) != 0;
	process->confinement.account.uid = wire_get_u32(&frame->body);
	process->confinement.account.gid = wire_get_u32(&frame->body);
	if (!process->configured)
		return -EPROTO;
	process->started = true;
	channel_set_state(channel, STATE_RUNNING);
	event_base_loopbreak(process->base);
	return 0;
}

static int
process_answer(struct process *process, uint32_t request, int fd)
{
	struct question *question;

	TAILQ_FOREACH(question, &process->questions, next) {
		if (question->request != request)
			continue;
		TAILQ_REMOVE(&process->questions, question, next);
		question->received(question->context, fd);
		free(question);
		return 0;
	}
	return -EPROTO;
}

static int
process_on_answer(struct channel *channel, void *context, struct channel_frame *frame)
{
	int fd = frame->fd;

	(void)channel;
	frame->fd = -1;
	return process_answer(context, frame->request, fd);
}

static int
process_on_refused(struct channel *channel, void *context, struct channel_frame *frame)
{
	uint32_t error = wire_get_u32(&frame->body);

	(void)channel;
	return process_answer(context, frame->request, error == 0 || error > 4095 ? -EIO : -(int)error);
}

static int
process_on_incoming(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONTROL_NAME_MAX];

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	for (size_t i = 0; i < process->expected_count; i++) {
		int fd = frame->fd;

		if (strcmp(process->expected[i].name, name) != 0)
			continue;
		frame->fd = -1;
		process->expected[i].callback(process->expected[i].context, fd);
		return 0;
	}
	return 0;
}

static int
process_on_stopping(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;

	(void)channel;
	(void)frame;
	if (process->stopping)
		return 0;
	process->stopping = true;
	if (process->on_stop.call != NULL)
		process->on_stop.call(process->on_stop.context);
	else
		process_stop(process);
	return 0;
}

static int
process_on_ping(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct wire_writer writer = channel_begin(channel, CONTROL_PONG, 0, -1);

	(void)context;
	(void)frame;
	return channel_send(channel, &writer);
}

static void
process_on_parent_gone(struct channel *channel, void *context, int error)
{
	struct process *process = context;

	(void)channel;
	process->control = NULL;
	process->status = EX_UNAVAILABLE;
	log_event(LOG_ERR, "process.orphaned", LOG_ERROR(error));
	log_flush();
	/* Nothing can be asked of anybody any more; what is durable is durable. */
	_exit(EX_UNAVAILABLE);
}

static const struct channel_handler handlers[] = {
	{ CONTROL_CONFIG, CHANNEL_ANY, false, process_on_config },
	{ CONTROL_LISTENER, CHANNEL_ANY, true, process_on_listener },
	{ CONTROL_UNLISTEN, 1 << STATE_RUNNING, false, process_on_unlisten },
	{ CONTROL_FILE, CHANNEL_ANY, true, process_on_file },
	{ CONTROL_LOG, 1 << STATE_PREPARING, true, process_on_log },
	{ CONTROL_START, 1 << STATE_PREPARING, false, process_on_start },
	{ CONTROL_CHANNEL, 1 << STATE_RUNNING, true, process_on_answer },
	{ CONTROL_REFUSED, 1 << STATE_RUNNING, false, process_on_refused },
	{ CONTROL_INCOMING, 1 << STATE_RUNNING, true, process_on_incoming },
	{ CONTROL_STOP, CHANNEL_ANY, false, process_on_stopping },
	{ CONTROL_PING, 1 << STATE_RUNNING, false, process_on_ping },
};

/* What is not in our table may be in that of the role's TLS. */
static int
process_on_frame(struct channel *channel, void *context, struct channel_frame *frame)
{
	const struct process *process = context;
	const struct role_tls *tls = process->role->tls;
	int error = channel_dispatch(channel, handlers, sizeof(handlers) / sizeof(handlers[0]), context, frame);

	if (error == -ENOSYS && tls != NULL)
		return channel_dispatch(channel, tls->handlers, tls->handler_count, context, frame);
	return error;
}

static const struct channel_protocol control_protocol = {
	.name = "control",
	.any = process_on_frame,
	.input_limit = CONTROL_FRAME_MAX,
	.output_limit = CONTROL_FRAME_MAX,
	.closed = process_on_parent_gone,
};

/* ---- becoming a role ---- */

static void
process_flush_log(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	log_flush();
}

static void
process_log_pending(void)
{
	event_active(flush_log_event, EV_TIMEOUT, 0);
}

static int
process_prepare(struct process *process)
{
	int error;

	process->base = event_base_new();
	if (process->base == NULL)
		return -ENOMEM;
	process->control = channel_new(process->base, CONTROL_FD, &control_protocol, process);
	process->flush_log = evtimer_new(process->base, process_flush_log, NULL);
	if (process->control == NULL || process->flush_log == NULL)
		return -ENOMEM;
	event_base_dispatch(process->base);
	if (!process->started)
		return -EPROTO;
	error = process->role->tls == NULL ? 0 : process->role->tls->prepare(process);
	return error != 0 || process->role->prepare == NULL ? error : process->role->prepare(process);
}

/* The limit of descriptors that confinement will leave; the call is not allowed afterwards. */
static unsigned
process_descriptors(const struct service_role *role)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max > UINT_MAX)
		return UINT_MAX;
	return role->descriptors != 0 && role->descriptors < files.rlim_max ? role->descriptors : (unsigned)files.rlim_max;
}

static int
process_confine(struct process *process)
{
	const char *own = process->role->directory == NULL ? NULL : process->role->directory(&process->config);
	char empty[CONFIG_PATH_MAX + CONTROL_NAME_MAX];
	const char *step = "";
	int error;

	snprintf(empty, sizeof(empty), "%s/empty", process->config.run_directory);
	if (own != NULL)
		strlcpy(process->directory, process->confinement.privileged ? "/" : own, sizeof(process->directory));
	process->confinement.root = own == NULL ? empty : own;
	process->confinement.connects = process->role->connects;
	process->confinement.descriptors = process->role->descriptors;
	process->confinement.directory = process_directory(process);
	process->confinement.role = process->name;
	process->descriptors = process_descriptors(process->role);
	error = confine(&process->confinement, &step);
	if (error != 0) {
		log_event(LOG_ERR, "process.confine", LOG_STRING("step", step), LOG_ERROR(error));
	}
	return error;
}

int
process_main(const char *service, const struct service_role *role)
{
	struct process *process = calloc(1, sizeof(*process));
	int status = EX_OSERR;

	if (process == NULL)
		return EX_OSERR;
	process->role = role;
	process->service = service;
	TAILQ_INIT(&process->questions);
	snprintf(process->name, sizeof(process->name), "%s/%s", service, role->name);
	prctl(PR_SET_NAME, process->name); /* it is "exe" since the parent executed itself */
	log_open(service, role->name, LOG_TO_STDERR, STDERR_FILENO);
	if (process_prepare(process) == 0 && process_confine(process) == 0) {
		flush_log_event = process->flush_log;
		log_on_pending(process_log_pending);
		log_set_gather(true);
		status = role->main(process);
	}
	log_set_gather(false);
	log_flush();
	/* The system takes back the rest: the role's own objects still point into the process. */
	return status;
}
