/*
 * Answers a role's question for a channel: to another service, or to a socket that is not ours and that the configuration names, by
 * connecting under the role's account; to a sibling by a socket pair. A name that the role's description does not list is refused, and so is anything while the other side is not there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/proc/parent.h"

static bool
name_listed(const char *const names[SERVICE_NAMES_MAX], struct slice name)
{
	for (size_t i = 0; i < SERVICE_NAMES_MAX && names[i] != NULL; i++)
		if (slice_equal(slice_from_string(names[i]), name))
			return true;
	return false;
}

/* Connects as ACCOUNT, so that the path's permission and SO_PEERCRED see the role. */
static int
connect_as(const struct parent *parent, const struct account *account, const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (parent->privileged && (setegid(account->gid) != 0 || seteuid(account->uid) != 0))
		error = -errno;
	if (error == 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		error = -errno;
	if (parent->privileged && (seteuid(0) != 0 || setegid(0) != 0))
		_exit(1); /* a parent that is half somebody else must not go on */
	if (error != 0) {
		close(fd);
		return error;
	}
	return fd;
}

/* A socket that is not of the suite: its path must be one that the configuration names. It comes from the table, so that another is no fault of the role. */
static int
open_foreign(const struct child *child, const char *path)
{
	const struct config_paths *paths = child->role->foreign->paths(&child->parent->config);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	for (size_t i = 0; i < paths->count; i++) {
		if (strcmp(paths->list[i], path) != 0)
			continue;
		if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
			return -ENAMETOOLONG;
		return connect_as(child->parent, &child->account, &address);
	}
	return -ENOTSUP;
}

static int
open_service(const struct child *child, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct parent *parent = child->parent;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", parent->config.run_directory, name) >=
	    (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	return connect_as(parent, &child->account, &address);
}

/* The copy WANTED of the role, or any ready one in turn when WANTED is negative. */
static struct child *
find_sibling(struct parent *parent, struct slice role, int64_t wanted)
{
	for (size_t i = 0; i < parent->child_count; i++) {
		struct child *child = &parent->children[(parent->turn + i) % parent->child_count];

		/* One that has just died has no channel any more, though its end is not noticed yet. */
		if (child->state != CHILD_READY || child->channel == NULL || !slice_equal(slice_from_string(child->role->name), role))
			continue;
		if (wanted >= 0 && child->index != wanted)
			continue;
		if (wanted < 0)
			parent->turn = (unsigned)((parent->turn + i + 1) % parent->child_count);
		return child;
	}
	return NULL;
}

static int
open_sibling(const struct child *child, struct slice role, int64_t wanted)
{
	struct child *sibling = find_sibling(child->parent, role, wanted);
	struct wire_writer writer;
	int pair[2];
	int error;

	if (sibling == NULL)
		return -EAGAIN;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	writer = channel_begin(sibling->channel, CONTROL_INCOMING, 0, pair[1]);
	wire_put_slice(&writer, role);
	error = channel_send(sibling->channel, &writer);
	if (error != 0) {
		close(pair[0]);
		return error;
	}
	return pair[0];
}

static int
open_channel(const struct child *child, const char *name)
{
	const struct service_foreign *foreign = child->role->foreign;
	struct slice whole = slice_from_string(name);
	size_t slash = slice_find(whole, '/');
	struct slice role = slice_first(whole, slash);
	uint64_t index = 0;

	if (name_listed(child->role->channels, whole))
		return open_service(child, name);
	if (foreign != NULL && strncmp(name, foreign->prefix, strlen(foreign->prefix)) == 0)
		return open_foreign(child, name + strlen(foreign->prefix));
	if (!name_listed(child->role->siblings, role))
		return -EPERM;
	if (slash == whole.length)
		return open_sibling(child, role, -1);
	if (slice_to_number(slice_from(whole, slash + 1), PARENT_CHILDREN_MAX, &index) != 0)
		return -EINVAL;
	return open_sibling(child, role, (int64_t)index);
}

int
parent_on_ask(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct child *child = context;
	char name[CONTROL_CHANNEL_MAX];
	struct wire_writer writer;
	int fd;

	wire_get_string(&frame->body, name, sizeof(name));
	if (!wire_done(&frame->body))
		return -EBADMSG;
	fd = open_channel(child, name);
	if (fd == -EPERM || fd == -EINVAL) {
		log_event(LOG_WARNING, "parent.refused", LOG_STRING("role", child->role->name), LOG_STRING("channel", name));
		return fd;
	}
	if (fd < 0) {
		writer = channel_begin(channel, CONTROL_REFUSED, frame->request, -1);
		wire_put_u32(&writer, (uint32_t)-fd);
	} else {
		writer = channel_begin(channel, CONTROL_CHANNEL, frame->request, fd);
	}
	return channel_send(channel, &writer);
}
