/*
 * The parent of a service: starts its roles in order, starts again the ones that die, passes signals on, and does nothing else.
 *
 * Errors before the service is ready end it with an exit status of sysexits(3); afterwards none does.
 */
#include "common/proc/parent.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/proc/process.h"
#include "common/proc/role_tls.h"

enum {
	SHORT_LIFE_MS = 5000, /* a role that lived less than this is restarted more slowly each time */
	DELAY_FIRST_MS = 100,
	DELAY_LAST_MS = 30000,
	LOG_BATCH = 64,       /* datagrams of the roles' log in one turn */
};

void
parent_complain(const struct parent *parent, const char *format, ...)
{
	va_list arguments;
	char text[1024];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "%s: %s\n", parent->service->name, text);
	if (parent->config.log == CONFIG_LOG_SYSLOG)
		log_event(LOG_ERR, "service.failed", LOG_STRING("what", text));
}

/* ---- starting ---- */

static void
parent_stop(struct parent *parent, int status)
{
	struct timeval limit = { .tv_sec = PROCESS_STOP_MS / 1000 };

	if (parent->stopping)
		return;
	parent->stopping = true;
	parent->status = status;
	notify_manager("STOPPING=1");
	event_add(parent->deadline, &limit);
	for (size_t i = 0; i < parent->child_count; i++) {
		struct child *child = &parent->children[i];
		struct wire_writer writer;

		event_del(child->timer);
		if (child->pid == 0)
			continue;
		if (child->channel == NULL) {
			kill(child->pid, SIGKILL);
			continue;
		}
		writer = channel_begin(child->channel, CONTROL_STOP, 0, -1);
		if (channel_send(child->channel, &writer) != 0)
			kill(child->pid, SIGKILL);
	}
}

/* Leaves the loop when nothing is left to wait for. */
static void
parent_check_stopped(struct parent *parent)
{
	if (!parent->stopping)
		return;
	for (size_t i = 0; i < parent->child_count; i++)
		if (parent->children[i].pid != 0)
			return;
	event_base_loopexit(parent->base, NULL);
}

static void
parent_restart_later(struct child *child)
{
	unsigned delay = child->delay;

	event_add(child->timer, &(struct timeval){ .tv_sec = delay / 1000, .tv_usec = (delay % 1000) * 1000 });
	child->delay = delay == 0 ? DELAY_FIRST_MS : delay * 2 > DELAY_LAST_MS ? DELAY_LAST_MS : delay * 2;
}

static void
child_start(struct child *child)
{
	int error = parent_spawn(child);

	if (error == 0)
		return;
	log_event(LOG_ERR, "role.not_started", LOG_STRING("role", child->role->name), LOG_ERROR(error));
	if (child->pid != 0)
		kill(child->pid, SIGKILL); /* its death is noticed like any other */
	else
		parent_restart_later(child);
}

static void
child_on_timer(evutil_socket_t fd, short what, void *context)
{
	struct child *child = context;

	(void)fd;
	(void)what;
	if (!child->parent->stopping)
		child_start(child);
}

/* Starts the first role of which a copy has never been started; true when one was started or is on its way. */
static bool
parent_start_next(struct parent *parent)
{
	const struct service_role *role = NULL;

	for (size_t i = 0; i < parent->child_count; i++) {
		struct child *child = &parent->children[i];

		if (child->was_ready || (role != NULL && child->role != role))
			continue;
		role = child->role;
		if (child->started == 0)
			child_start(child);
	}
	return role != NULL;
}

static void
parent_advance(struct parent *parent)
{
	if (parent->ready || parent->stopping || parent_start_next(parent))
		return;
	parent->ready = true;
	log_event(LOG_NOTICE, "service.ready", LOG_UINT("roles", parent->child_count));
	notify_manager("READY=1");
	if (parent->on_ready != NULL)
		parent->on_ready(parent->on_ready_context);
}

/* ---- what roles say ---- */

static int
parent_on_ready(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct child *child = context;

	(void)channel;
	(void)frame;
	if (child->state != CHILD_STARTING)
		return -EPERM;
	child->state = CHILD_READY;
	child->was_ready = true;
	child->silent = 0;
	log_event(LOG_DEBUG, "role.ready", LOG_STRING("role", child->role->name), LOG_INT("pid", child->pid));
	parent_advance(child->parent);
	return 0;
}

/* A role that closes its channel or breaks its protocol is of no use any more. */
static void
parent_on_closed(struct channel *channel, void *context, int error)
{
	struct child *child = context;

	(void)channel;
	(void)error;
	child->channel = NULL;
	if (child->pid != 0)
		kill(child->pid, SIGKILL);
}

static const struct channel_handler handlers[] = {
	{ CONTROL_READY, CHANNEL_ANY, false, parent_on_ready },
	{ CONTROL_ASK, CHANNEL_ANY, false, parent_on_ask },
	{ CONTROL_PONG, CHANNEL_ANY, false, parent_on_pong },
};

const struct channel_protocol parent_protocol = {
	.name = "role",
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = CONTROL_CHANNEL_MAX * 2,
	.output_limit = 4 * CONTROL_FRAME_MAX,
	.closed = parent_on_closed,
};

/* ---- signals ---- */

static void
child_died(struct child *child, int status)
{
	struct parent *parent = child->parent;
	bool expected = parent->stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (!expected)
		log_event(LOG_ERR, "role.died", LOG_STRING("role", child->role->name), LOG_INT("pid", child->pid),
		          LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
		          LOG_INT("status", WIFEXITED(status) ? WEXITSTATUS(status) : 0));
	channel_close(&child->channel);
	child->pid = 0;
	child->state = CHILD_NONE;
	if (parent->stopping)
		return;
	if (!child->was_ready) {
		parent_complain(parent, "role %s did not start; see the lines above", child->role->name);
		parent_stop(parent, WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EX_SOFTWARE);
		return;
	}
	if (clock_monotonic_ms() - child->started >= SHORT_LIFE_MS)
		child->delay = 0;
	parent_restart_later(child);
}

static void
parent_on_child(evutil_socket_t signal_number, short what, void *context)
{
	struct parent *parent = context;
	int status;
	pid_t pid;

	(void)signal_number;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < parent->child_count; i++)
			if (parent->children[i].pid == pid)
				child_died(&parent->children[i], status);
	parent_check_stopped(parent);
}

static void
parent_on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct parent *parent = context;

	(void)what;
	log_event(LOG_NOTICE, "service.stop", LOG_INT("signal", signal_number));
	parent_stop(parent, 0);
	parent_check_stopped(parent);
}

static void
parent_on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct parent *parent = context;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < parent->child_count; i++)
		if (parent->children[i].pid != 0)
			kill(parent->children[i].pid, SIGKILL);
}

static void
parent_on_reload(evutil_socket_t signal_number, short what, void *context)
{
	struct parent *parent = context;
	struct config *config = malloc(sizeof(*config));
	char error[CONFIG_ERROR_MAX];
	size_t length;
	char *text;

	(void)signal_number;
	(void)what;
	if (config == NULL)
		return;
	if (config_load(config, parent->config_path, &text, &length, error) != 0) {
		log_event(LOG_ERR, "config.refused", LOG_STRING("what", error));
		free(config);
		return;
	}
	free(parent->text);
	parent->text = text;
	parent->text_length = length;
	parent->config = *config;
	free(config);
	/* First, so that a role that is told of the new configuration has what belongs to it. */
	if (parent->service->tls != NULL)
		parent->service->tls->reload(parent);
	for (size_t i = 0; i < parent->child_count; i++)
		if (parent->children[i].channel != NULL)
			(void)parent_send_config(&parent->children[i]);
	parent_watch(parent);
	log_event(LOG_NOTICE, "service.reloaded", LOG_STRING("file", parent->config_path));
}

static int
parent_watch_signals(struct parent *parent)
{
	static const struct {
		int number;
		event_callback_fn callback;
	} watched[] = {
		{ SIGCHLD, parent_on_child },
		{ SIGTERM, parent_on_stop },
		{ SIGINT, parent_on_stop },
		{ SIGHUP, parent_on_reload },
	};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		parent->signals[i] = evsignal_new(parent->base, watched[i].number, watched[i].callback, parent);
		if (parent->signals[i] == NULL || event_add(parent->signals[i], NULL) != 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- the log of the roles, on its way to syslog ---- */

static void
parent_on_log(evutil_socket_t fd, short what, void *context)
{
	static char datagram[LOG_DATAGRAM_MAX];
	ssize_t length;

	(void)what;
	(void)context;
	/* A role that writes without end must not keep us from the others. */
	for (int i = 0; i < LOG_BATCH && (length = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT)) > 0; i++)
		log_forward(slice_of(datagram, (size_t)length));
}

static int
parent_open_log(struct parent *parent)
{
	parent->log_sockets[0] = parent->log_sockets[1] = -1;
	log_set_level(parent->config.log_level);
	if (parent->config.log != CONFIG_LOG_SYSLOG)
		return 0;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, parent->log_sockets) != 0)
		return -errno;
	log_open(parent->service->name, "parent", LOG_TO_SYSLOG, -1);
	parent->log_readable = event_new(parent->base, parent->log_sockets[0], EV_READ | EV_PERSIST, parent_on_log, parent);
	return parent->log_readable != NULL && event_add(parent->log_readable, NULL) == 0 ? 0 : -ENOMEM;
}

/* ---- the run ---- */

/* Lists the processes to be, in the order of the roles. 0 or an exit status after complaining. */
static int
parent_list_children(struct parent *parent)
{
	for (size_t i = 0; i < SERVICE_ROLES_MAX && parent->service->roles[i] != NULL; i++) {
		const struct service_role *role = parent->service->roles[i];
		unsigned count = role->count == NULL ? 1 : role->count(&parent->config);
		struct account account = { .uid = geteuid(), .gid = getegid() };

		if (count > 0 && parent->privileged && account_find(role->account(&parent->config), &account) != 0) {
			parent_complain(parent, "there is no account \"%s\" (or it is root) for role %s; see account_... in %s",
			                role->account(&parent->config), role->name, parent->config_path);
			return EX_NOUSER;
		}
		for (unsigned index = 0; index < count && parent->child_count < PARENT_CHILDREN_MAX; index++) {
			struct child *child = &parent->children[parent->child_count++];

			*child = (struct child){ .parent = parent, .role = role, .index = index, .account = account };
			child->timer = evtimer_new(parent->base, child_on_timer, child);
			if (child->timer == NULL)
				return EX_OSERR;
		}
	}
	return 0;
}

static int
parent_prepare(struct parent *parent)
{
	int status;

	parent->base = event_base_new();
	if (parent->base == NULL)
		return EX_OSERR;
	parent->deadline = evtimer_new(parent->base, parent_on_deadline, parent);
	parent->watch = evtimer_new(parent->base, parent_on_watch, parent);
	if (parent->deadline == NULL || parent->watch == NULL || parent_open_log(parent) != 0 || parent_watch_signals(parent) != 0)
		return EX_OSERR;
	status = parent_list_children(parent);
	if (status == 0 && parent->service->tls != NULL)
		status = parent->service->tls->load(parent);
	if (status == 0)
		status = parent_lock(parent);
	return status == 0 ? parent_bind(parent) : status;
}

static void
parent_free(struct parent *parent)
{
	parent_unbind(parent);
	if (parent->tls != NULL)
		parent->service->tls->free(parent);
	for (size_t i = 0; i < parent->child_count; i++)
		event_free(parent->children[i].timer);
	for (size_t i = 0; i < sizeof(parent->signals) / sizeof(parent->signals[0]); i++)
		if (parent->signals[i] != NULL)
			event_free(parent->signals[i]);
	if (parent->deadline != NULL)
		event_free(parent->deadline);
	if (parent->watch != NULL)
		event_free(parent->watch);
	if (parent->log_readable != NULL)
		event_free(parent->log_readable);
	if (parent->base != NULL)
		event_base_free(parent->base);
	free(parent->text);
	free(parent);
}

int
parent_run(const struct service *service, const char *config_path, const struct config *config, char *text,
           size_t text_length, void (*on_ready)(void *context), void *context)
{
	struct parent *parent = calloc(1, sizeof(*parent));
	int status;

	if (parent == NULL)
		return EX_OSERR;
	parent->service = service;
	parent->config_path = config_path;
	parent->config = *config;
	parent->text = text;
	parent->text_length = text_length;
	parent->privileged = account_privileged();
	parent->on_ready = on_ready;
	parent->on_ready_context = context;
	log_open(service->name, "parent", LOG_TO_STDERR, STDERR_FILENO);
	status = parent_prepare(parent);
	if (status == 0) {
		parent_watch(parent);
		parent_advance(parent);
		event_base_dispatch(parent->base);
		status = parent->status;
	}
	log_event(LOG_NOTICE, "service.stopped", LOG_INT("status", status));
	parent_free(parent);
	return status;
}
