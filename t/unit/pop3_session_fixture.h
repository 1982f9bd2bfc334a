/*
 * For the tests of the session role of pop3d: a parent, a tabled, a login worker and a client that the test plays, and
 * a mailbox in a temporary directory.
 */
#ifndef ANGARIUM_T_POP3_SESSION_FIXTURE_H
#define ANGARIUM_T_POP3_SESSION_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ipc/passing.h"
#include "pop3d/session.h"
#include "t/unit/unit.h"

enum {
	REPLIES_MAX = 16 * 1024 * 1024, /* bytes that a client may get */
};

struct link {
	const struct link_protocol *protocol;
	struct buffer out;
	link_reply *reply; /* of the question that waits, or NULL */
	void *context;
};

static char directory[64];
static int root;
static struct event_base *base;
static struct config config;
static struct link tabled;
static bool tabled_is_down;
static void (*on_login_worker)(void *context, int fd);
static void *on_login_worker_context;
static int login_worker; /* our end of the channel */
static int client;       /* our end of the connection */
static struct buffer replies;

/* ---- the parent ---- */

struct event_base *
process_base(struct process *process)
{
	(void)process;
	return base;
}

const struct config *
process_config(const struct process *process)
{
	(void)process;
	return &config;
}

const char *
process_directory(const struct process *process)
{
	(void)process;
	return directory;
}

void
process_on_channel(struct process *process, const char *name, void (*callback)(void *context, int fd), void *context)
{
	(void)process;
	ck_assert_str_eq(name, "session");
	on_login_worker = callback;
	on_login_worker_context = context;
}

int
process_run(struct process *process)
{
	(void)process;
	return 0;
}

/* ---- tabled ---- */

struct link *
link_new(struct process *process, const struct link_protocol *protocol, void *context)
{
	(void)process;
	(void)context;
	tabled.protocol = protocol;
	buffer_init(&tabled.out, protocol->output_limit);
	return &tabled;
}

struct wire_writer
link_begin(struct link *link, uint16_t type, int fd)
{
	(void)fd;
	ck_assert_uint_eq(type, TABLE_REDEEM);
	buffer_clear(&link->out);
	return wire_begin(&link->out, type, 0, 1);
}

int
link_send(struct link *link, struct wire_writer *writer, link_reply *reply, void *context, uint32_t *request_r)
{
	ck_assert_int_eq(wire_end(writer), 0);
	if (tabled_is_down)
		return -ENOTCONN;
	link->reply = reply;
	link->context = context;
	*request_r = 1;
	return 0;
}

void
link_cancel(struct link *link, uint32_t request)
{
	(void)request;
	link->reply = NULL;
}

static inline void
turn(void)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline int
answer(struct buffer *payload)
{
	struct channel_frame frame = { .type = TABLE_REDEEM_REPLY, .request = 1, .fd = -1 };
	link_reply *reply = tabled.reply;
	int error;

	ck_assert_ptr_nonnull(reply);
	tabled.reply = NULL;
	frame.body = wire_read(buffer_slice(payload));
	error = reply(tabled.context, 0, &frame);
	buffer_free(payload);
	turn();
	return error;
}

static inline void
redeem(const char *folder, const char *path)
{
	struct buffer payload;
	struct wire_writer writer;

	buffer_init(&payload, 4096);
	writer = wire_begin_bare(&payload);
	wire_put_u8(&writer, TABLE_AUTH_OK);
	wire_put_string(&writer, "u@example.org");
	wire_put_string(&writer, folder);
	wire_put_string(&writer, path);
	wire_put_u64(&writer, 0);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	ck_assert_int_eq(answer(&payload), 0);
}

/* ---- the login worker ---- */

static inline void
open_channel(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	on_login_worker(on_login_worker_context, pair[0]);
	login_worker = pair[1];
}

/* Sends BYTES with the descriptor FD, unless that is -1. */
static inline void
send_bytes(struct slice bytes, int fd)
{
	ck_assert_int_eq(passing_send(login_worker, bytes, fd), (ssize_t)bytes.length);
	turn();
}

static inline void
hand_over_as(int fd, size_t ticket_length, const char *input)
{
	static const char ticket[64];
	struct wire_writer writer;
	struct buffer frame;

	buffer_init(&frame, 4096);
	writer = wire_begin(&frame, HANDOFF_TAKE, fd < 0 ? 0 : WIRE_DESCRIPTOR, 7);
	wire_put_slice(&writer, slice_of(ticket, ticket_length));
	wire_put_string(&writer, "0123456789abcdef");
	wire_put_string(&writer, "192.0.2.1");
	wire_put_u8(&writer, 0);
	wire_put_slice(&writer, slice_from_string(input));
	ck_assert_int_eq(wire_end(&writer), 0);
	send_bytes(buffer_slice(&frame), fd);
	buffer_free(&frame);
}

static inline enum handoff_result
handoff_result(void)
{
	char bytes[64];
	struct wire_header header;
	struct slice payload;
	ssize_t length = recv(login_worker, bytes, sizeof(bytes), 0);

	ck_assert_int_gt(length, 0);
	ck_assert_int_eq(wire_next(slice_of(bytes, (size_t)length), 64, &header, &payload), 1);
	ck_assert_uint_eq(header.type, HANDOFF_REPLY);
	ck_assert_uint_eq(header.request, 7);
	ck_assert_uint_eq(payload.length, 1);
	return (enum handoff_result)payload.data[0];
}

static inline void
hand_over(const char *input)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	client = pair[1];
	buffer_clear(&replies);
	hand_over_as(pair[0], TABLE_TICKET_SIZE, input);
	close(pair[0]);
}

/* ---- the client ---- */

/* Reads what is there. False at the end of the connection. */
static inline bool
read_some(void)
{
	char *room;
	ssize_t length;

	turn();
	ck_assert_int_eq(buffer_reserve(&replies, 65536, &room), 0);
	length = recv(client, room, 65536, 0);
	if (length > 0)
		buffer_commit(&replies, (size_t)length);
	return length != 0;
}

static inline const char *
received(void)
{
	static char text[4096];

	read_some();
	ck_assert_int_eq(slice_to_string(buffer_slice(&replies), text, sizeof(text)), 0);
	buffer_clear(&replies);
	return text;
}

static inline void
say(const char *text)
{
	ck_assert_int_eq(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
	turn();
}

#define expect(command, reply)                  \
	do {                                    \
		say(command);                   \
		ck_assert_str_eq(received(), (reply)); \
	} while (0)

static inline bool
is_closed(void)
{
	for (int i = 0; i < 100; i++)
		if (!read_some())
			return true;
	return false;
}

static inline void
log_in(const char *input)
{
	hand_over(input);
	ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
	redeem("", "example.org/u");
}

/* ---- the mailbox ---- */

static inline void
write_file(const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline bool
exists(const char *path)
{
	return faccessat(root, path, F_OK, 0) == 0;
}

static inline void
setup(void)
{
	static const char *const parts[] = { "example.org", "example.org/u", "example.org/u/new", "example.org/u/cur" };

	strlcpy(directory, "/tmp/test_pop3_session.XXXXXX", sizeof(directory));
	ck_assert_ptr_nonnull(mkdtemp(directory));
	root = open(directory, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		ck_assert_int_eq(mkdirat(root, parts[i], 0700), 0);
	config.pop3_sessions = 10;
	config.pop3_timeout = 600;
	base = event_base_new();
	buffer_init(&replies, REPLIES_MAX);
	ck_assert_int_eq(session_main(NULL), 0);
	open_channel();
}

static inline int
remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void
teardown(void)
{
	buffer_free(&replies);
	close(root);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
