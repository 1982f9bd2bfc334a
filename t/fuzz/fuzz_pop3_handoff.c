/*
 * Fuzzes a session worker of pop3d: a login worker in an intruder's hands hands over sockets and what is none, tabled answers or is lost, and the
 * clients who come through say what they like. Nothing of it may stop the worker.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "pop3d/session.h"
#include "t/fuzz/hostile_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	CLIENTS_MAX = 4, /* at once */
	TURNS = 6,
};

/* A question to tabled. */
struct question {
	link_reply *reply; /* NULL: none, or given up */
	void *context;
};

static char directory[64];
static struct config config;
static struct event_base *base;
static void (*login_worker_came)(void *context, int fd);
static void *login_worker_context;
static struct buffer scratch; /* of the question under way */
static struct question questions[CLIENTS_MAX];
static int clients[CLIENTS_MAX]; /* our ends, or -1 */

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
	(void)name;
	login_worker_came = callback;
	login_worker_context = context;
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
	buffer_init(&scratch, protocol->output_limit);
	return (struct link *)(void *)&scratch;
}

struct wire_writer
link_begin(struct link *link, uint16_t type, int fd)
{
	(void)link;
	(void)fd;
	buffer_clear(&scratch);
	return wire_begin(&scratch, type, 0, 1);
}

int
link_send(struct link *link, struct wire_writer *writer, link_reply *reply, void *context, uint32_t *request_r)
{
	(void)link;
	if (wire_end(writer) != 0)
		abort();
	for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
		if (questions[i].reply != NULL)
			continue;
		questions[i] = (struct question){ reply, context };
		*request_r = i;
		return 0;
	}
	return -ENOBUFS;
}

void
link_cancel(struct link *link, uint32_t request)
{
	(void)link;
	questions[request].reply = NULL;
}

static void
answer(unsigned which, int status, struct slice payload)
{
	struct channel_frame frame = { .type = TABLE_REDEEM_REPLY, .request = 1, .fd = -1, .body = wire_read(payload) };
	link_reply *reply = questions[which % CLIENTS_MAX].reply;

	questions[which % CLIENTS_MAX].reply = NULL;
	if (reply != NULL)
		(void)reply(questions[which % CLIENTS_MAX].context, status, status == 0 ? &frame : NULL);
}

static void
answer_yes(unsigned which, const char *folder)
{
	struct wire_writer writer;
	struct buffer out;

	buffer_init(&out, HOSTILE_FRAME);
	writer = wire_begin_bare(&out);
	wire_put_u8(&writer, TABLE_AUTH_OK);
	wire_put_string(&writer, "u@example.org");
	wire_put_string(&writer, folder);
	wire_put_string(&writer, which % 2 == 0 ? "example.org/u" : "example.org/v");
	wire_put_u64(&writer, 0);
	if (wire_end_bare(&writer) != 0)
		abort();
	answer(which, 0, buffer_slice(&out));
	buffer_free(&out);
}

/* ---- the mailboxes ---- */

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void
remove_all(void)
{
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
write_message(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/example.org/u/new/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

/* DELE removes what is here: it is put back for each input. */
static void
fill_mailbox(void)
{
	static const char *const parts[] = { "", "/u", "/v", "/u/new", "/u/cur", "/v/new", "/v/cur" };
	char path[256];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/example.org%s", directory, parts[i]);
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			abort();
	}
	write_message("1.M1P1Q1.a,S=20,W=23", "Subject: a\n\n.dot\nend");
	write_message("2.b", "Subject: b\r\n\r\n..\r\n.\r\n");
	write_message("3.c,W=99999999999999999999", "");
	write_message("\xff\xfe", "no header");
}

static void
begin(void)
{
	if (base != NULL)
		return;
	log_set_level(LOG_EMERG);
	config_defaults(&config);
	config.pop3_sessions = CLIENTS_MAX - 1;
	base = event_base_new();
	strlcpy(directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/angarium-fuzz-XXXXXX" : "/tmp/angarium-fuzz-XXXXXX", sizeof(directory));
	if (mkdtemp(directory) == NULL || session_main(NULL) != 0)
		abort();
	atexit(remove_all);
}

static void
turn(void)
{
	for (int i = 0; i < TURNS; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* ---- the login worker ---- */

/* The other end of a new client, or of something else. */
static int
new_descriptor(uint8_t kind)
{
	int pair[2];

	if (kind % 4 == 0)
		return memfd_create("none", MFD_CLOEXEC);
	if (socketpair(AF_UNIX, kind % 4 == 1 ? SOCK_DGRAM : SOCK_STREAM, 0, pair) != 0)
		abort();
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (clients[i] >= 0)
			continue;
		clients[i] = pair[1];
		return pair[0];
	}
	close(pair[1]);
	return pair[0];
}

static void
hand_over(int peer, uint8_t kind, struct slice *input)
{
	struct wire_writer writer;
	struct buffer out;

	buffer_init(&out, HOSTILE_FRAME);
	writer = wire_begin(&out, HANDOFF_TAKE, WIRE_DESCRIPTOR, kind);
	wire_put_slice(&writer, SLICE("0123456789abcdef"));
	wire_put_string(&writer, "0123456789abcdef");
	wire_put_string(&writer, "192.0.2.1");
	wire_put_u8(&writer, kind);
	wire_put_slice(&writer, hostile_bytes(input));
	if (wire_end(&writer) != 0)
		abort();
	hostile_send(peer, buffer_slice(&out), new_descriptor(kind));
	buffer_free(&out);
}

static void
say(int client, struct slice text)
{
	char replies[4096];

	if (client < 0)
		return;
	(void)send(client, text.data, text.length, MSG_NOSIGNAL | MSG_DONTWAIT);
	turn();
	while (recv(client, replies, sizeof(replies), MSG_DONTWAIT) > 0)
		turn();
}

static void
leave(unsigned which)
{
	if (clients[which] >= 0)
		close(clients[which]);
	clients[which] = -1;
}

static void
act(int peer, struct slice *input)
{
	static const struct slice commands[] = {
		SLICE("STAT\r\n"), SLICE("LIST\r\n"), SLICE("UIDL\r\nUIDL 1\r\n"), SLICE("RETR 1\r\nRETR 2\r\n"), SLICE("TOP 4 1\r\n"),
		SLICE("DELE 1\r\n"), SLICE("RSET\r\n"), SLICE("QUIT\r\n"),
	};
	const struct slice words[] = { SLICE("0123456789abcdef"), SLICE("192.0.2.1"), SLICE(""), SLICE("STAT\r\n") };
	uint8_t what = hostile_byte(input);
	uint8_t which = what / 8 % CLIENTS_MAX;

	switch (what % 8) {
	case 0:
		turn();
		break;
	case 1:
		hostile_frame(peer, input, words, sizeof(words) / sizeof(words[0]), new_descriptor(what / 8));
		break;
	case 2:
		hand_over(peer, what / 8, input);
		break;
	case 3:
		answer(which, what / 32 == 0 ? -ECONNRESET : 0, hostile_bytes(input));
		break;
	case 4:
		answer_yes(which, what / 64 == 0 ? "Folder" : "");
		break;
	case 5:
		say(clients[which], commands[hostile_byte(input) % (sizeof(commands) / sizeof(commands[0]))]);
		break;
	case 6:
		say(clients[which], hostile_bytes(input));
		break;
	case 7:
		leave(which);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	int pair[2];

	begin();
	fill_mailbox();
	memset(clients, -1, sizeof(clients));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	login_worker_came(login_worker_context, pair[0]);
	while (input.length > 0)
		act(pair[1], &input);
	turn();
	close(pair[1]);
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		answer(i, -ECONNRESET, SLICE(""));
		leave(i);
	}
	turn();
	return 0;
}
