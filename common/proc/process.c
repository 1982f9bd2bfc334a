/*
 * A role process: takes what its parent hands it over the control channel, confines itself, and runs.
 *
 * An error before READY ends the process, which makes the parent refuse to start.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/loop.h"
#include "common/proc/process_state.h"
#include "common/proc/role_tls.h"

enum {
	DESCRIPTORS_OWN = 64, /* that a process needs besides those for clients */
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

int
process_listener(const struct process *process, const char *name, size_t index)
{
	const struct held_listener *listener = held_listener(&process->held, name, index);

	return listener == NULL ? -1 : listener->fd;
}

uid_t
process_listener_peer(const struct process *process, const char *name)
{
	const struct held_listener *listener = held_listener(&process->held, name, 0);

	return listener == NULL ? 0 : listener->peer;
}

int
process_file(const struct process *process, const char *name)
{
	return held_file(&process->held, name);
}

void
process_on_reload(struct process *process, void (*callback)(void *context), void *context)
{
	process->on_reload = (struct process_callback){ .call = callback, .context = context };
}

void
process_on_stop(struct process *process, void (*callback)(void *context), void *context)
{
	process->on_stop = (struct process_callback){ .call = callback, .context = context };
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
	process->control = channel_new(process->base, CONTROL_FD, &process_control_protocol, process);
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
