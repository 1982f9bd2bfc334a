/*
 * For the tests of the login role of pop3d: a parent, a tabled, a session worker and a client that the test plays.
 */
#ifndef ANGARIUM_T_POP3_LOGIN_FIXTURE_H
#define ANGARIUM_T_POP3_LOGIN_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/proc/listener.h"
#include "common/proc/role_tls.h"
#include "pop3d/login.h"
#include "t/unit/unit.h"

enum {
	TABLED,
	SESSION,
	LINKS,
};

struct link {
	const struct link_protocol *protocol;
	struct buffer out; /* the last question, as a frame */
	link_reply *reply; /* of the question that waits, or NULL */
	void *context;
	int fd;            /* that went with it, ours, or -1 */
	bool down;
};

static struct event_base *base;
static struct config config;
static struct link links[LINKS];
static unsigned link_count;
static void (*on_accepted)(void *context, int client, const struct sockaddr *address, socklen_t length);
static void *on_accepted_context;
static int client; /* our end of the connection */

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

int
listener_set_update(struct listener_set *set, struct process *process, const char *name,
                    void (*accepted)(void *context, int client, const struct sockaddr *address, socklen_t length), void *context)
{
	(void)set;
	(void)process;
	if (strcmp(name, "pop3") == 0) {
		on_accepted = accepted;
		on_accepted_context = context;
	}
	return 0;
}

/* There is no certificate; t/suite/test_tls.py has some. */
struct tls_context *
role_tls_context(void)
{
	return NULL;
}

unsigned
process_clients(const struct process *process, unsigned wanted, unsigned each)
{
	(void)process;
	(void)each;
	return wanted;
}

void
process_on_reload(struct process *process, void (*callback)(void *context), void *context)
{
	(void)process;
	(void)callback;
	(void)context;
}

int
process_run(struct process *process)
{
	(void)process;
	return 0;
}

/* ---- links ---- */

struct link *
link_new(struct process *process, const struct link_protocol *protocol, void *context)
{
	struct link *link = &links[link_count++];

	(void)process;
	(void)context;
	link->protocol = protocol;
	link->fd = -1;
	buffer_init(&link->out, protocol->output_limit);
	return link;
}

bool
link_is_up(const struct link *link)
{
	return !link->down;
}

struct wire_writer
link_begin(struct link *link, uint16_t type, int fd)
{
	buffer_clear(&link->out);
	link->fd = fd;
	return wire_begin(&link->out, type, fd < 0 ? 0 : WIRE_DESCRIPTOR, 1);
}

int
link_send(struct link *link, struct wire_writer *writer, link_reply *reply, void *context, uint32_t *request_r)
{
	ck_assert_int_eq(wire_end(writer), 0);
	if (link->down)
		return -ENOTCONN;
	link->reply = reply;
	link->context = context;
	if (request_r != NULL)
		*request_r = 1;
	return 0;
}

void
link_cancel(struct link *link, uint32_t request)
{
	(void)request;
	link->reply = NULL;
}

/* What is said without a question is not heard here. */
struct channel *
link_channel(struct link *link)
{
	(void)link;
	return NULL;
}

static inline struct wire_reader
question(unsigned link, uint16_t type)
{
	struct wire_header header;
	struct slice payload;

	ck_assert_ptr_nonnull(links[link].reply);
	ck_assert_int_eq(wire_next(buffer_slice(&links[link].out), 65536, &header, &payload), 1);
	ck_assert_uint_eq(header.type, type);
	return wire_read(payload);
}

static inline void
turn(void)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline int
answer(unsigned link, int status, uint16_t type, struct slice payload)
{
	struct channel_frame frame = { .type = type, .request = 1, .fd = -1, .body = wire_read(payload) };
	link_reply *reply = links[link].reply;
	int error;

	ck_assert_ptr_nonnull(reply);
	links[link].reply = NULL;
	error = reply(links[link].context, status, status == 0 ? &frame : NULL);
	turn();
	return error;
}

/* ---- the client ---- */

static inline const char *
received(void)
{
	static char text[4096];
	ssize_t length;

	turn();
	length = recv(client, text, sizeof(text) - 1, 0);
	text[length < 0 ? 0 : length] = '\0';
	return text;
}

static inline void
say(const char *text)
{
	ck_assert_int_eq(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
	turn();
}

#define expect(command, reply)                         \
	do {                                           \
		say(command);                          \
		ck_assert_str_eq(received(), (reply)); \
	} while (0)

static inline bool
is_closed(void)
{
	char byte;

	turn();
	return recv(client, &byte, 1, 0) == 0;
}

static inline void
connect_client(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(0xC0000201) } };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	client = pair[1];
	on_accepted(on_accepted_context, pair[0], (const struct sockaddr *)&address, sizeof(address));
}

static inline void
say_password(const char *password)
{
	char line[128];

	expect("USER u@example.org\r\n", "+OK now the password\r\n");
	snprintf(line, sizeof(line), "PASS %s\r\n", password);
	say(line);
}

#define RIGHT SLICE("\0\20\0\0\0" "0123456789abcdef" "\3\0\0\0" "u@e" "\0\0\0\0")

static inline void
setup(void)
{
	strlcpy(config.hostname, "mail.example.org", sizeof(config.hostname));
	config.pop3_sessions = 2;
	config.pop3_session_workers = 1;
	config.pop3_login_timeout = 600;
	config.auth_without_tls = CONFIG_YES;
	base = event_base_new();
	ck_assert_int_eq(login_main(NULL), 0);
	ck_assert_uint_eq(link_count, LINKS);
	connect_client();
	ck_assert_str_eq(received(), "+OK mail.example.org POP3 server ready\r\n");
}

static inline void
teardown(void)
{
	close(client);
}

#endif
