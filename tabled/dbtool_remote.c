/*
 * dbtool: a call by tabled, over its admin socket. Blocking, with a deadline for every step.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tabled/dbtool.h"

enum {
	ANSWER_MS = 20000, /* between two signs of life; a killed owner is back sooner */
	READ_SIZE = 4096,  /* bytes */
};

static int
remote_connect(const struct dbtool *dbtool)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/tabled-admin.sock",
	             dbtool->config.run_directory) >= (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return errno == EAGAIN ? -EBUSY : -errno;
}

static int
remote_wait(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int64_t deadline = clock_monotonic_ms() + ANSWER_MS;

	for (;;) {
		int64_t left = deadline - clock_monotonic_ms();
		int ready = left <= 0 ? 0 : poll(&poll_fd, 1, (int)left);

		if (ready > 0)
			return 0;
		if (ready == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* The call's frame, with the file's descriptor at its first byte. */
static int
remote_send(int fd, struct slice frame, int file)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	bool first = true;

	while (frame.length > 0) {
		struct iovec vector = { .iov_base = (void *)(uintptr_t)frame.data, .iov_len = frame.length };
		struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
		ssize_t sent;
		int error;

		if (first) {
			struct cmsghdr *part;

			message.msg_control = control.bytes;
			message.msg_controllen = sizeof(control.bytes);
			part = CMSG_FIRSTHDR(&message);
			part->cmsg_level = SOL_SOCKET;
			part->cmsg_type = SCM_RIGHTS;
			part->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(part), &file, sizeof(file));
		}
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (sent > 0) {
			first = false;
			frame = slice_from(frame, (size_t)sent);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno;
		error = remote_wait(fd, POLLOUT);
		if (error != 0)
			return error;
	}
	return 0;
}

/* 1 when it was the reply, 0 when there is more to come, or a negative errno value. */
static int
remote_frame(struct dbtool *dbtool, const struct wire_header *header, struct slice payload)
{
	struct wire_reader reader = wire_read(payload);
	uint64_t done, total;

	if (header->type == ADMIN_REPLY)
		return admin_reply_get(&reader, &dbtool->reply) ? 1 : -EPROTO;
	if (header->type != ADMIN_PROGRESS)
		return -EPROTO;
	done = wire_get_u64(&reader);
	total = wire_get_u64(&reader);
	if (!wire_done(&reader))
		return -EPROTO;
	progress_show("storing", done, total);
	return 0;
}

static int
remote_frames(struct dbtool *dbtool, struct buffer *input)
{
	struct wire_header header;
	struct slice payload;
	int found;

	while ((found = wire_next(buffer_slice(input), ADMIN_FRAME_MAX, &header, &payload)) == 1) {
		int result = remote_frame(dbtool, &header, payload);

		if (result != 0)
			return result;
		buffer_consume(input, WIRE_HEADER_SIZE + (size_t)header.length);
	}
	return found;
}

/* Reads until the reply is there. */
static int
remote_receive(struct dbtool *dbtool, int fd, struct buffer *input)
{
	int result = 0;

	while (result == 0) {
		char *room;
		ssize_t got;

		result = remote_wait(fd, POLLIN);
		if (result == 0)
			result = buffer_reserve(input, READ_SIZE, &room);
		if (result != 0)
			break;
		got = recv(fd, room, READ_SIZE, 0);
		if (got == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return got == 0 ? -ECONNRESET : -errno;
		buffer_commit(input, (size_t)got);
		result = remote_frames(dbtool, input);
	}
	return result == 1 ? 0 : result;
}

int
remote_run(struct dbtool *dbtool)
{
	struct buffer frame, input;
	struct wire_writer writer;
	int fd = remote_connect(dbtool);
	int error;

	if (fd < 0)
		return fd;
	buffer_init(&frame, ADMIN_FRAME_MAX + WIRE_HEADER_SIZE);
	buffer_init(&input, ADMIN_FRAME_MAX + WIRE_HEADER_SIZE);
	writer = wire_begin(&frame, ADMIN_CALL, WIRE_DESCRIPTOR, 1);
	admin_call_put(&writer, &dbtool->call);
	error = wire_end(&writer);
	if (error == 0)
		error = remote_send(fd, buffer_slice(&frame), dbtool->file);
	if (error == 0)
		error = remote_receive(dbtool, fd, &input);
	buffer_free(&frame);
	buffer_free(&input);
	close(fd);
	return error;
}
