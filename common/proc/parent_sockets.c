/*
 * What a parent does before its first role: the run directory, the lock against a second instance, the roles' directories, and every
 * listening socket. Each error is explained on standard error and ends the start.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/durable.h"
#include "common/proc/parent.h"
#include "common/proc/process.h"

enum {
	BACKLOG = 1024,
	LOCK_WAIT_MS = 5000, /* for the roles of a parent that was killed */
	LOCK_POLL_MS = 20,
};

/* mkdir -p, the last directory with MODE. */
static int
make_path(const char *path, mode_t mode)
{
	char partial[CONFIG_PATH_MAX + CONTROL_NAME_MAX];

	if (strlcpy(partial, path, sizeof(partial)) >= sizeof(partial))
		return -ENAMETOOLONG;
	for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		int error;

		*slash = '\0';
		error = durable_make_directory(partial, 0755);
		if (error != 0)
			return error;
		*slash = '/';
	}
	return durable_make_directory(partial, mode);
}

/* The pid in the file, or 0. */
static pid_t
recorded_pid(int fd)
{
	char text[32];
	ssize_t length = pread(fd, text, sizeof(text), 0);
	uint64_t pid;
	struct slice line;

	if (length <= 0)
		return 0;
	line = slice_of(text, (size_t)length);
	line = slice_first(line, slice_find(line, '\n'));
	return slice_to_number(line, INT32_MAX, &pid) == 0 ? (pid_t)pid : 0;
}

/*
 * A parent that was killed leaves roles behind that hold the lock for a moment, until they have seen that it is gone: wait
 * for them, but not for a parent that lives.
 */
static int
take_lock(int fd)
{
	int64_t deadline = clock_monotonic_ms() + LOCK_WAIT_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		pid_t pid = recorded_pid(fd);

		if (errno != EWOULDBLOCK && errno != EAGAIN && errno != ESRCH)
			return -errno;
		if ((pid > 0 && kill(pid, 0) == 0) || clock_monotonic_ms() > deadline)
			return -EWOULDBLOCK;
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_POLL_MS * 1000000 }, NULL);
	}
	return 0;
}

static int
write_pid(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%ld\n", (long)getpid()) < 0)
		error = -errno;
	close(fd);
	return error;
}

int
parent_lock(struct parent *parent)
{
	const char *run = parent->config.run_directory;
	int error = make_path(run, 0755);

	if (error != 0) {
		parent_complain(parent, "run_directory %s: %s", run, strerror(-error));
		return EX_CANTCREAT;
	}
	snprintf(parent->pid_path, sizeof(parent->pid_path), "%s/%s.pid", run, parent->service->name);
	parent->lock = open(parent->pid_path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (parent->lock < 0) {
		parent_complain(parent, "%s: %s", parent->pid_path, strerror(errno));
		return EX_CANTCREAT;
	}
	error = take_lock(parent->lock);
	if (error == -EWOULDBLOCK) {
		parent_complain(parent, "another %s (process %ld) runs with run_directory %s; stop it first",
		                parent->service->name, (long)recorded_pid(parent->lock), run);
		parent->pid_path[0] = '\0'; /* it is not ours to remove */
		return EX_TEMPFAIL;
	}
	if (error == 0)
		error = write_pid(parent->pid_path);
	if (error != 0) {
		parent_complain(parent, "%s: %s", parent->pid_path, strerror(-error));
		return EX_OSERR;
	}
	return 0;
}

/* The empty directory that roles without one of their own are shut in. */
static int
make_empty(const struct parent *parent)
{
	char path[CONFIG_PATH_MAX + CONTROL_NAME_MAX];

	snprintf(path, sizeof(path), "%s/empty", parent->config.run_directory);
	if (mkdir(path, 0555) != 0 && errno != EEXIST) {
		parent_complain(parent, "%s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	return 0;
}

static int
make_role_directory(const struct parent *parent, const struct service_role *role)
{
	const char *path = role->directory == NULL ? NULL : role->directory(&parent->config);
	struct account account;
	struct stat status;
	int error;

	if (path == NULL)
		return 0;
	error = make_path(path, 0700);
	if (error == 0 && stat(path, &status) != 0)
		error = -errno;
	/* A directory that somebody else owns was made by us just now, or wants the administrator's attention. */
	if (error == 0 && parent->privileged) {
		error = account_find(role->account(&parent->config), &account);
		if (error == 0 && status.st_uid == 0 && chown(path, account.uid, account.gid) != 0)
			error = -errno;
		if (error == 0 && status.st_uid == 0 && chmod(path, 0700) != 0)
			error = -errno;
		if (error == 0 && status.st_uid != 0 && status.st_uid != account.uid) {
			parent_complain(parent, "%s belongs to uid %lu; it must belong to %s", path,
			                (unsigned long)status.st_uid, role->account(&parent->config));
			return EX_CONFIG;
		}
	}
	if (error != 0) {
		parent_complain(parent, "%s: %s", path, strerror(-error));
		return EX_CANTCREAT;
	}
	return 0;
}

static struct parent_listener *
add_listener(struct parent *parent, const struct service_role *role, const char *name, int fd)
{
	struct parent_listener *listener;

	if (parent->listener_count == PARENT_LISTENERS_MAX) {
		close(fd);
		return NULL;
	}
	listener = &parent->listeners[parent->listener_count++];
	*listener = (struct parent_listener){ .role = role, .peer = (uid_t)-1, .fd = fd };
	strlcpy(listener->name, name, sizeof(listener->name));
	return listener;
}

static bool
is_any6(const struct sockaddr_storage *address)
{
	struct sockaddr_in6 inet6;

	if (address->ss_family != AF_INET6)
		return false;
	memcpy(&inet6, address, sizeof(inet6));
	return IN6_IS_ADDR_UNSPECIFIED(&inet6.sin6_addr);
}

static int
bind_tcp(const struct config_endpoint *endpoint)
{
	int on = 1;
	int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (endpoint->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->length) != 0 || listen(fd, BACKLOG) != 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

static int
bind_endpoints(struct parent *parent, const struct service_role *role, const struct service_tcp *tcp)
{
	const struct config_endpoints *endpoints = tcp->endpoints(&parent->config);

	for (size_t i = 0; i < endpoints->count; i++) {
		const struct config_endpoint *endpoint = &endpoints->list[i];
		int fd = bind_tcp(endpoint);

		/* "*" means every family that this host has. */
		if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && is_any6(&endpoint->address))
			continue;
		if (fd < 0) {
			char text[INET6_ADDRSTRLEN];
			struct sockaddr_in inet; /* the port stands at the same place in both families */

			memcpy(&inet, &endpoint->address, sizeof(inet));
			config_address_text((const struct sockaddr *)&endpoint->address, text, sizeof(text));
			parent_complain(parent, "cannot listen on %s port %u for %s: %s", text, ntohs(inet.sin_port),
			                tcp->name, strerror(-fd));
			return EX_UNAVAILABLE;
		}
		if (add_listener(parent, role, tcp->name, fd) == NULL)
			return EX_OSERR;
	}
	return 0;
}

static int
bind_unix(const struct parent *parent, const char *path, const struct account *peer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	unlink(path); /* of an earlier run: we hold the lock */
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		error = -errno;
	umask(mask);
	if (error == 0 && peer->uid == PROCESS_ANYBODY && chmod(path, 0666) != 0)
		error = -errno;
	else if (error == 0 && peer->uid != PROCESS_ANYBODY && parent->privileged &&
	         (chown(path, 0, peer->gid) != 0 || chmod(path, 0660) != 0))
		error = -errno;
	if (error == 0 && listen(fd, BACKLOG) != 0)
		error = -errno;
	if (error != 0) {
		close(fd);
		return error;
	}
	return fd;
}

static int
bind_socket(struct parent *parent, const struct service_role *role, const struct service_unix *socket_of)
{
	struct account peer = { .uid = geteuid(), .gid = getegid() };
	char path[CONFIG_PATH_MAX + CONTROL_NAME_MAX];
	struct parent_listener *listener;
	int fd;

	if (socket_of->peer_account == NULL) {
		peer.uid = PROCESS_ANYBODY;
	} else if (parent->privileged && account_find(socket_of->peer_account(&parent->config), &peer) != 0) {
		parent_complain(parent, "there is no account %s", socket_of->peer_account(&parent->config));
		return EX_NOUSER;
	}
	snprintf(path, sizeof(path), "%s/%s.sock", parent->config.run_directory, socket_of->name);
	fd = bind_unix(parent, path, &peer);
	if (fd < 0) {
		parent_complain(parent, "%s: %s", path, strerror(-fd));
		return EX_CANTCREAT;
	}
	listener = add_listener(parent, role, socket_of->name, fd);
	if (listener == NULL)
		return EX_OSERR;
	listener->peer = peer.uid;
	strlcpy(listener->path, path, sizeof(listener->path));
	return 0;
}

int
parent_bind(struct parent *parent)
{
	int status = make_empty(parent);

	for (size_t i = 0; status == 0 && i < SERVICE_ROLES_MAX && parent->service->roles[i] != NULL; i++) {
		const struct service_role *role = parent->service->roles[i];

		status = make_role_directory(parent, role);
		for (size_t j = 0; status == 0 && j < SERVICE_NAMES_MAX && role->tcp[j] != NULL; j++)
			status = bind_endpoints(parent, role, role->tcp[j]);
		for (size_t j = 0; status == 0 && j < SERVICE_NAMES_MAX && role->sockets[j] != NULL; j++)
			status = bind_socket(parent, role, role->sockets[j]);
	}
	return status;
}

static bool
is_bound(const struct parent *parent, const char *name)
{
	for (size_t i = 0; i < parent->listener_count; i++)
		if (strcmp(parent->listeners[i].name, name) == 0)
			return true;
	return false;
}

void
parent_bind_late(struct parent *parent)
{
	size_t before = parent->listener_count;

	for (size_t i = 0; i < SERVICE_ROLES_MAX && parent->service->roles[i] != NULL; i++) {
		const struct service_role *role = parent->service->roles[i];

		for (size_t j = 0; j < SERVICE_NAMES_MAX && role->tcp[j] != NULL; j++)
			if (!is_bound(parent, role->tcp[j]->name))
				(void)bind_endpoints(parent, role, role->tcp[j]);
	}
	for (size_t i = before; i < parent->listener_count; i++)
		for (size_t j = 0; j < parent->child_count; j++)
			if (parent->children[j].channel != NULL && parent->children[j].role == parent->listeners[i].role)
				(void)parent_send_listener(&parent->children[j], &parent->listeners[i]);
}

static bool
is_wanted(const struct parent *parent, const struct parent_listener *listener)
{
	const struct service_tcp *const *tcp = listener->role->tcp;

	for (size_t i = 0; i < SERVICE_NAMES_MAX && tcp[i] != NULL; i++)
		if (strcmp(tcp[i]->name, listener->name) == 0)
			return tcp[i]->endpoints(&parent->config)->count > 0;
	return true; /* a UNIX socket */
}

static void
take_from_roles(struct parent *parent, const struct parent_listener *listener)
{
	for (size_t i = 0; i < parent->child_count; i++) {
		struct child *child = &parent->children[i];
		struct wire_writer writer;

		if (child->channel == NULL || child->role != listener->role)
			continue;
		writer = channel_begin(child->channel, CONTROL_UNLISTEN, 0, -1);
		wire_put_string(&writer, listener->name);
		(void)channel_send(child->channel, &writer);
	}
}

void
parent_unbind_early(struct parent *parent)
{
	size_t kept = 0;

	for (size_t i = 0; i < parent->listener_count; i++) {
		struct parent_listener *listener = &parent->listeners[i];

		if (is_wanted(parent, listener)) {
			parent->listeners[kept++] = *listener;
			continue;
		}
		take_from_roles(parent, listener);
		close(listener->fd);
	}
	parent->listener_count = kept;
}

void
parent_unbind(struct parent *parent)
{
	for (size_t i = 0; i < parent->listener_count; i++) {
		close(parent->listeners[i].fd);
		if (parent->listeners[i].path[0] != '\0')
			unlink(parent->listeners[i].path);
	}
	parent->listener_count = 0;
	if (parent->pid_path[0] != '\0')
		unlink(parent->pid_path);
}
