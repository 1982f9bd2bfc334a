/*
 * Starts one role process: fork, a clean environment, exec of ourselves, and the greeting over its control channel.
 *
 * Errors are returned; parent.c decides.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/proc/parent.h"
#include "common/proc/role_tls.h"

enum {
	FIRST_FREE_FD = 10, /* above every number that the role is given */
	ENVIRONMENT_MAX = 8,
};

/* What a role inherits of the environment: nothing that changes what programs do. */
static void
spawn_environment(char *environment[ENVIRONMENT_MAX])
{
	static const char *const kept[] = {
		"TZ",
#ifdef WITH_SANITIZERS
		"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
#endif
	};
	static char path[] = "PATH=/usr/bin:/bin";
	static char lines[sizeof(kept) / sizeof(kept[0])][256];
	size_t count = 0;

	environment[count++] = path;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const char *value = getenv(kept[i]);

		if (value == NULL || snprintf(lines[i], sizeof(lines[i]), "%s=%s", kept[i], value) >= (int)sizeof(lines[i]))
			continue;
		environment[count++] = lines[i];
	}
	environment[count] = NULL;
}

static void
spawn_signals(void)
{
	static const int defaults[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM };
	/*
	 * A broken pipe and a file over the limit are errors of a call. The others are meant for the parent, which passes on what they
	 * mean, also when a service manager sends them to every process at once.
	 */
	static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGHUP, SIGINT, SIGTERM };
	sigset_t none;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		signal(defaults[i], SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs in the new process; does not return. */
static void
spawn_exec(const struct child *child, int control)
{
	const struct parent *parent = child->parent;
	char *arguments[] = { (char *)(uintptr_t)parent->service->name, (char *)(uintptr_t)"-R",
		              (char *)(uintptr_t)child->role->name, NULL };
	char *environment[ENVIRONMENT_MAX];
	int lock;

	spawn_signals();
	spawn_environment(environment);
	control = fcntl(control, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	lock = fcntl(parent->lock, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (control < 0 || lock < 0 || dup2(control, CONTROL_FD) < 0 || dup2(lock, LOCK_FD) < 0)
		_exit(127);
	close_range(LOCK_FD + 1, ~0U, 0);
	if (chdir("/") != 0)
		_exit(127);
	execve("/proc/self/exe", arguments, environment);
	_exit(127);
}

/* A descriptor of PATH; -ENOENT also for what is no file. Nothing that is in the place of one holds us up. */
static int
spawn_open_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return -ENOENT;
}

static int
spawn_send_file(struct child *child, const struct service_file *file)
{
	const char *path = file->path(&child->parent->config);
	struct wire_writer writer;
	int fd;

	if (path[0] == '\0')
		return 0;
	fd = spawn_open_file(path);
	if (fd < 0) {
		log_event(LOG_WARNING, "parent.no_file", LOG_STRING("role", child->role->name), LOG_STRING("file", path), LOG_ERROR(fd));
		return 0;
	}
	writer = channel_begin(child->channel, CONTROL_FILE, 0, fd);
	wire_put_string(&writer, file->name);
	return channel_send(child->channel, &writer);
}

int
parent_send_config(struct child *child)
{
	struct wire_writer writer;
	int error = 0;

	for (size_t i = 0; error == 0 && i < SERVICE_NAMES_MAX && child->role->files[i] != NULL; i++)
		error = spawn_send_file(child, child->role->files[i]);
	if (error != 0)
		return error;
	writer = channel_begin(child->channel, CONTROL_CONFIG, 0, -1);
	wire_put_string(&writer, child->parent->config_path);
	wire_put_slice(&writer, slice_of(child->parent->text, child->parent->text_length));
	return channel_send(child->channel, &writer);
}

int
parent_send_listener(struct child *child, const struct parent_listener *listener)
{
	struct wire_writer writer;
	int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);

	if (fd < 0)
		return -errno;
	writer = channel_begin(child->channel, CONTROL_LISTENER, 0, fd);
	wire_put_string(&writer, listener->name);
	wire_put_u32(&writer, (uint32_t)listener->peer);
	return channel_send(child->channel, &writer);
}

static int
spawn_send_log(struct child *child)
{
	struct wire_writer writer;
	int fd;

	if (child->parent->log_sockets[1] < 0)
		return 0;
	fd = fcntl(child->parent->log_sockets[1], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (fd < 0)
		return -errno;
	writer = channel_begin(child->channel, CONTROL_LOG, 0, fd);
	return channel_send(child->channel, &writer);
}

static int
spawn_send_start(struct child *child)
{
	struct wire_writer writer = channel_begin(child->channel, CONTROL_START, 0, -1);

	wire_put_u32(&writer, child->index);
	wire_put_u8(&writer, child->parent->privileged);
	wire_put_u32(&writer, child->account.uid);
	wire_put_u32(&writer, child->account.gid);
	return channel_send(child->channel, &writer);
}

static int
spawn_greet(struct child *child)
{
	const struct parent *parent = child->parent;
	int error = spawn_send_log(child);

	if (error == 0)
		error = parent_send_config(child);
	for (size_t i = 0; error == 0 && i < parent->listener_count; i++)
		if (parent->listeners[i].role == child->role)
			error = parent_send_listener(child, &parent->listeners[i]);
	if (error == 0 && child->role->tls != NULL)
		error = parent->service->tls->send(child);
	return error == 0 ? spawn_send_start(child) : error;
}

int
parent_spawn(struct child *child)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		spawn_exec(child, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -errno;
	}
	child->pid = pid;
	child->state = CHILD_STARTING;
	child->started = clock_monotonic_ms();
	child->channel = channel_new(child->parent->base, pair[0], &parent_protocol, child);
	return child->channel == NULL ? -ENOMEM : spawn_greet(child);
}
