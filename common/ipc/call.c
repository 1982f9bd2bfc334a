/*
 * A program's call to a service, over its admin socket.
 */
#include "common/ipc/call.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/ipc/passing.h"

enum {
	READ_SIZE = 4096,             /* bytes of an answer */
	FILE_READ_SIZE = 256 * 1024,  /* bytes */
};

static int
call_connect(const struct call *call)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", call->directory, call->socket) >=
	    (int)sizeof(address.sun_path))
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
call_wait(const struct call *call, int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int64_t deadline = clock_monotonic_ms() + call->answer_ms;

	for (;;) {
		int64_t left = deadline - clock_monotonic_ms();
		int ready = call->answer_ms >= 0 && left <= 0 ? 0 : poll(&poll_fd, 1, call->answer_ms < 0 ? -1 : (int)left);

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
call_send(const struct call *call, int fd, struct slice frame)
{
	int passed = call->file;

	while (frame.length > 0) {
		ssize_t sent = passing_send(fd, frame, passed);
		int error;

		if (sent > 0) {
			passed = -1;
			frame = slice_from(frame, (size_t)sent);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno;
		error = call_wait(call, fd, POLLOUT);
		if (error != 0)
			return error;
	}
	return 0;
}

/* Hands out the whole frames in INPUT. */
static int
call_frames(struct buffer *input, size_t frame_max, call_frame *each, void *context)
{
	struct wire_header header;
	struct slice payload;
	int found;

	while ((found = wire_next(buffer_slice(input), frame_max, &header, &payload)) == 1) {
		int result = each(context, &header, payload);

		if (result != 0)
			return result;
		buffer_consume(input, WIRE_HEADER_SIZE + (size_t)header.length);
	}
	return found;
}

/* Reads until the last frame is there. */
static int
call_receive(const struct call *call, int fd, struct buffer *input)
{
	int result = 0;

	while (result == 0) {
		char *room;
		ssize_t got;

		result = call_wait(call, fd, POLLIN);
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
		result = call_frames(input, call->frame_max, call->frame, call->context);
	}
	return result == 1 ? 0 : result;
}

int
call_run(const struct call *call, struct slice frame)
{
	struct buffer input;
	int fd = call_connect(call);
	int error;

	if (fd < 0)
		return fd;
	buffer_init(&input, call->frame_max + WIRE_HEADER_SIZE + READ_SIZE);
	error = call_send(call, fd, frame);
	if (error == 0)
		error = call_receive(call, fd, &input);
	buffer_free(&input);
	close(fd);
	return error;
}

int
call_read_file(int file, size_t frame_max, call_frame *each, void *context)
{
	struct buffer input;
	off_t position = 0;
	int result = 0;

	buffer_init(&input, frame_max + WIRE_HEADER_SIZE + FILE_READ_SIZE);
	while (result == 0) {
		char *room;
		ssize_t got = -1;

		if (buffer_reserve(&input, FILE_READ_SIZE, &room) == 0)
			got = pread(file, room, FILE_READ_SIZE, position);
		if (got <= 0) {
			result = got < 0 || buffer_length(&input) > 0 ? -EPROTO : 0;
			break;
		}
		buffer_commit(&input, (size_t)got);
		position += got;
		result = call_frames(&input, frame_max, each, context);
	}
	buffer_free(&input);
	return result;
}
