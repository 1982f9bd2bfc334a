/*
 * A channel: frames over a UNIX stream socket, checked against a table before any handler sees them.
 *
 * Errors of the peer or of the socket end in the protocol's closed callback, never in the process. A channel that is closed inside
 * one of its own callbacks is freed when the outermost one returns.
 */
#include "common/ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/ipc/passing.h"

enum {
	READ_SIZE = 64 * 1024,   /* bytes asked for in one read, unless a larger frame is due */
	DESCRIPTORS_MAX = 64,    /* descriptors that wait in either direction */
	DESCRIPTORS_READ = 16,   /* descriptors taken in one read */
};

struct outgoing {
	size_t position; /* of its frame, from the first unsent byte */
	int fd;
};

struct channel {
	const struct channel_protocol *protocol;
	void *context;
	int fd;
	unsigned state;
	unsigned depth;  /* callbacks of this channel under way */
	bool dead;       /* to be freed when depth is 0 */
	bool paused;
	bool deaf;       /* the kernel has no room for its event */
	struct buffer in;
	struct buffer out;
	struct event *readable;
	struct event *writable;
	int begun; /* the descriptor of the frame begun and not yet sent, or -1 */
	struct outgoing outgoing[DESCRIPTORS_MAX];
	size_t outgoing_count;
	int incoming[DESCRIPTORS_MAX];
	size_t incoming_count;
};

static void channel_on_readable(evutil_socket_t fd, short what, void *context);
static void channel_on_writable(evutil_socket_t fd, short what, void *context);

static bool
channel_full(const struct channel_protocol *protocol)
{
	if (protocol->count == NULL || protocol->count->now < protocol->count->most)
		return false;
	log_event(LOG_WARNING, "channel.too_many", LOG_STRING("channel", protocol->name),
	          LOG_UINT("count", protocol->count->now));
	return true;
}

struct channel *
channel_new(struct event_base *base, int fd, const struct channel_protocol *protocol, void *context)
{
	struct channel *channel = channel_full(protocol) ? NULL : calloc(1, sizeof(*channel));

	if (channel == NULL) {
		close(fd);
		return NULL;
	}
	if (protocol->count != NULL)
		protocol->count->now++;
	channel->protocol = protocol;
	channel->context = context;
	channel->fd = fd;
	channel->begun = -1;
	buffer_init(&channel->in, protocol->input_limit + WIRE_HEADER_SIZE + READ_SIZE);
	buffer_init(&channel->out, protocol->output_limit);
	channel->in.secret = channel->out.secret = protocol->secret;
	evutil_make_socket_nonblocking(fd);
	channel->readable = event_new(base, fd, EV_READ | EV_PERSIST, channel_on_readable, channel);
	channel->writable = event_new(base, fd, EV_WRITE, channel_on_writable, channel);
	if (channel->readable == NULL || channel->writable == NULL || event_add(channel->readable, NULL) != 0) {
		channel_close(&channel);
		return NULL;
	}
	return channel;
}

static void
channel_free(struct channel *channel)
{
	if (channel->protocol->count != NULL)
		channel->protocol->count->now--;
	if (channel->readable != NULL)
		event_free(channel->readable);
	if (channel->writable != NULL)
		event_free(channel->writable);
	for (size_t i = 0; i < channel->outgoing_count; i++)
		close(channel->outgoing[i].fd);
	for (size_t i = 0; i < channel->incoming_count; i++)
		close(channel->incoming[i]);
	if (channel->begun >= 0)
		close(channel->begun);
	close(channel->fd);
	buffer_free(&channel->in);
	buffer_free(&channel->out);
	free(channel);
}

void
channel_close(struct channel **channel_p)
{
	struct channel *channel = *channel_p;

	*channel_p = NULL;
	if (channel == NULL)
		return;
	channel->dead = true;
	if (channel->depth == 0)
		channel_free(channel);
}

static void
channel_enter(struct channel *channel)
{
	channel->depth++;
}

static void
channel_leave(struct channel *channel)
{
	if (--channel->depth == 0 && channel->dead)
		channel_free(channel);
}

/* Ends the channel from inside a callback: tells the owner, and lets channel_leave free it. */
static void
channel_break(struct channel *channel, int error)
{
	if (channel->dead)
		return;
	channel->dead = true;
	if (channel->protocol->closed != NULL)
		channel->protocol->closed(channel, channel->context, error);
}

static void
channel_violated(struct channel *channel, const char *what, uint16_t type, int error)
{
	if (channel->dead)
		return;
	log_event(LOG_WARNING, "channel.violation", LOG_STRING("channel", channel->protocol->name),
	          LOG_STRING("what", what), LOG_UINT("type", type), LOG_UINT("state", channel->state), LOG_ERROR(error));
	channel_break(channel, error);
}

void
channel_set_state(struct channel *channel, unsigned state)
{
	channel->state = state & 31;
}

size_t
channel_unsent(const struct channel *channel)
{
	return buffer_length(&channel->out);
}

void
channel_pause(struct channel *channel)
{
	channel->paused = true;
	event_del(channel->readable);
}

void
channel_resume(struct channel *channel)
{
	if (!channel->paused || channel->dead)
		return;
	channel->paused = false;
	channel->deaf = event_add(channel->readable, NULL) != 0;
	event_active(channel->readable, EV_TIMEOUT, 0); /* what is already in the buffer */
}

/* Takes the oldest received descriptor, or -1. */
static int
channel_take_descriptor(struct channel *channel)
{
	int fd;

	if (channel->incoming_count == 0)
		return -1;
	fd = channel->incoming[0];
	channel->incoming_count--;
	memmove(channel->incoming, channel->incoming + 1, channel->incoming_count * sizeof(channel->incoming[0]));
	return fd;
}

int
channel_dispatch(struct channel *channel, const struct channel_handler *handlers, size_t count, void *context,
                 struct channel_frame *frame)
{
	for (size_t i = 0; i < count; i++) {
		if (handlers[i].type != frame->type)
			continue;
		if ((handlers[i].states & (UINT32_C(1) << channel->state)) == 0)
			return -EPERM;
		if (handlers[i].descriptor != (frame->fd >= 0))
			return -EBADF;
		return handlers[i].handle(channel, context, frame);
	}
	return -ENOSYS;
}

static void
channel_handle_frame(struct channel *channel, const struct wire_header *header, struct slice payload)
{
	struct channel_frame frame = {
		.type = header->type,
		.request = header->request,
		.body = wire_read(payload),
		.fd = -1,
	};
	const struct channel_protocol *protocol = channel->protocol;
	int error;

	if ((header->flags & WIRE_DESCRIPTOR) != 0) {
		frame.fd = channel_take_descriptor(channel);
		if (frame.fd < 0) {
			channel_violated(channel, "descriptor missing", header->type, -EBADF);
			return;
		}
	}
	if (protocol->any != NULL)
		error = protocol->any(channel, channel->context, &frame);
	else
		error = channel_dispatch(channel, protocol->handlers, protocol->handler_count, channel->context, &frame);
	if (error == 0 && !wire_done(&frame.body))
		error = -EBADMSG;
	if (frame.fd >= 0)
		close(frame.fd);
	if (error != 0)
		channel_violated(channel, "frame refused", header->type, error);
}

/* Handles every whole frame in the buffer. Returns how many bytes the next frame needs in all, 0 when unknown. */
static size_t
channel_handle_input(struct channel *channel)
{
	struct wire_header header = { 0 };
	struct slice payload;
	bool handled = false;
	int found = 0;

	while (!channel->dead && !channel->paused) {
		found = wire_next(buffer_slice(&channel->in), channel->protocol->input_limit, &header, &payload);
		if (found <= 0)
			break;
		handled = true;
		channel_handle_frame(channel, &header, payload);
		if (!channel->dead)
			buffer_consume(&channel->in, WIRE_HEADER_SIZE + (size_t)header.length);
		header.length = 0;
	}
	if (found < 0)
		channel_violated(channel, "bad frame", header.type, found);
	/* A descriptor comes with the first byte of its frame: what is left when no frame is belongs to none. */
	else if (channel->incoming_count > 0 && buffer_length(&channel->in) == 0)
		channel_violated(channel, "descriptor not announced", header.type, -EBADF);
	if (handled && !channel->dead && channel->protocol->batch_done != NULL)
		channel->protocol->batch_done(channel, channel->context);
	return found == 0 && header.length > 0 ? WIRE_HEADER_SIZE + (size_t)header.length : 0;
}

/* Keeps the descriptors that came with a read. False when there are too many. */
static bool
channel_keep_descriptors(struct channel *channel, struct msghdr *message)
{
	bool fits = (message->msg_flags & MSG_CTRUNC) == 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
		size_t count;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
			if (channel->incoming_count == DESCRIPTORS_MAX) {
				close(fd);
				fits = false;
				continue;
			}
			channel->incoming[channel->incoming_count++] = fd;
		}
	}
	return fits;
}

/* Reads once. Positive: bytes; 0: nothing there now; negative: the channel is to be broken with that error (-EPIPE: end of file). */
static ssize_t
channel_receive(struct channel *channel, size_t want)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(DESCRIPTORS_READ * sizeof(int))];
	} control;
	struct iovec vector;
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes,
	                          .msg_controllen = sizeof(control.bytes) };
	ssize_t got;
	char *room;
	int error = buffer_reserve(&channel->in, want, &room);

	if (error != 0)
		return error;
	vector = (struct iovec){ .iov_base = room, .iov_len = want };
	got = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!channel_keep_descriptors(channel, &message))
		return -EMFILE;
	if (got == 0)
		return -EPIPE;
	buffer_commit(&channel->in, (size_t)got);
	return got;
}

static void
channel_on_readable(evutil_socket_t fd, short what, void *context)
{
	struct channel *channel = context;
	size_t need;
	ssize_t got;

	(void)fd;
	channel_enter(channel);
	if (channel->deaf)
		channel_break(channel, -ENOMEM);
	need = channel_handle_input(channel);
	if (!channel->dead && !channel->paused && (what & EV_READ) != 0) {
		size_t have = buffer_length(&channel->in);

		got = channel_receive(channel, need > have && need - have > READ_SIZE ? need - have : READ_SIZE);
		if (got > 0)
			channel_handle_input(channel);
		else if (got == -EPIPE || got == -ECONNRESET) /* a peer that ended with something of ours unread broke no rule */
			channel_break(channel, got == -EPIPE ? 0 : (int)got);
		else if (got < 0)
			channel_violated(channel, "receive", 0, (int)got);
	}
	channel_leave(channel);
}

/* How many bytes may go in the next write, and the descriptor that goes with them (or -1). */
static size_t
channel_next_write(const struct channel *channel, int *fd_r)
{
	size_t first = 0;

	*fd_r = -1;
	if (channel->outgoing_count > 0 && channel->outgoing[0].position == 0) {
		*fd_r = channel->outgoing[0].fd;
		first = 1;
	}
	if (channel->outgoing_count > first)
		return channel->outgoing[first].position;
	return buffer_length(&channel->out);
}

/* SENT bytes are gone, and with them the descriptor at their beginning. */
static void
channel_sent(struct channel *channel, size_t sent)
{
	if (channel->outgoing_count > 0 && channel->outgoing[0].position == 0) {
		close(channel->outgoing[0].fd);
		channel->outgoing_count--;
		memmove(channel->outgoing, channel->outgoing + 1, channel->outgoing_count * sizeof(channel->outgoing[0]));
	}
	for (size_t i = 0; i < channel->outgoing_count; i++)
		channel->outgoing[i].position -= sent;
	buffer_consume(&channel->out, sent);
}

static bool
may_send_later(int error)
{
	return error == EAGAIN || error == ETOOMANYREFS || error == ENOBUFS || error == ENOMEM;
}

static void
channel_flush(struct channel *channel)
{
	while (!channel->dead && buffer_length(&channel->out) > 0) {
		int fd;
		size_t length = channel_next_write(channel, &fd);
		ssize_t sent = passing_send(channel->fd, slice_first(buffer_slice(&channel->out), length), fd);

		if (sent > 0) {
			channel_sent(channel, (size_t)sent);
			continue;
		}
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent == 0 || !may_send_later(errno))
			channel_break(channel, sent == 0 ? -EPIPE : -errno);
		else if (event_add(channel->writable, NULL) != 0)
			channel_break(channel, -ENOMEM);
		return;
	}
	if (!channel->dead && channel->protocol->drained != NULL)
		channel->protocol->drained(channel, channel->context);
}

static void
channel_on_writable(evutil_socket_t fd, short what, void *context)
{
	struct channel *channel = context;

	(void)fd;
	(void)what;
	channel_enter(channel);
	channel_flush(channel);
	channel_leave(channel);
}

struct wire_writer
channel_begin(struct channel *channel, uint16_t type, uint32_t request, int fd)
{
	if (channel->begun >= 0)
		close(channel->begun);
	channel->begun = fd;
	return wire_begin(&channel->out, type, fd >= 0 ? WIRE_DESCRIPTOR : 0, request);
}

int
channel_send(struct channel *channel, struct wire_writer *writer)
{
	bool idle = writer->begin == 0;
	int fd = channel->begun;
	int error;

	channel->begun = -1;
	error = wire_end(writer);
	if (error == 0 && channel->dead)
		error = -EPIPE;
	if (error == 0 && fd >= 0 && channel->outgoing_count == DESCRIPTORS_MAX)
		error = -ENOBUFS;
	if (error != 0) {
		wire_cancel(writer);
		if (fd >= 0)
			close(fd);
		return error;
	}
	if (fd >= 0)
		channel->outgoing[channel->outgoing_count++] = (struct outgoing){ .position = writer->begin, .fd = fd };
	if (idle)
		event_active(channel->writable, EV_WRITE, 0);
	return 0;
}
