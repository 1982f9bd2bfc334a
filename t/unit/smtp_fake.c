/*
 * A world for an SMTP session without sockets and processes.
 */
#include "t/unit/smtp_fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/conn.h"
#include "common/io/durable.h"
#include "common/ipc/link.h"
#include "common/ipc/proto_table.h"
#include "smtpd/lookup.h"
#include "smtpd/submit.h"

enum { EVERYTHING = 64 * 1024 * 1024 };

/* ---- what is asked ---- */

struct fake_question {
	TAILQ_ENTRY(fake_question) next;
	struct link *link;
	link_reply *reply;
	void *context;
	uint32_t request;
	uint16_t type;
	uint8_t result;
	bool cancelled;
};

struct link {
	const struct link_protocol *protocol;
	void *context;
	struct buffer out;
	bool down;
};

TAILQ_HEAD(question_list, fake_question);

static struct question_list questions = TAILQ_HEAD_INITIALIZER(questions);
static struct link *queue_link;
static struct fake *world;
static uint32_t last_request;
static uint64_t next_ids;
static int spool_file = -1; /* ours of the last file given */

/* ---- the client's connection ---- */

struct conn {
	const struct conn_protocol *protocol;
	void *context;
	struct buffer in;
	bool paused;
	bool delivering;
	bool closed;
};

struct conn *
conn_new(struct event_base *base, int fd, const struct conn_protocol *protocol, void *context)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	(void)base;
	(void)fd;
	conn->protocol = protocol;
	conn->context = context;
	buffer_init(&conn->in, EVERYTHING);
	world->conn = conn;
	return conn;
}

static void
conn_gone(struct conn *conn)
{
	conn->closed = true;
	world->conn = NULL;
	if (conn->delivering)
		return;
	buffer_free(&conn->in);
	free(conn);
}

void
conn_close(struct conn **conn)
{
	conn_gone(*conn);
	*conn = NULL;
}

void
conn_close_after_flush(struct conn **conn)
{
	conn_close(conn);
}

int
conn_write(struct conn *conn, const void *data, size_t length)
{
	(void)conn;
	return buffer_append(&world->output, data, length);
}

int
conn_printf(struct conn *conn, const char *format, ...)
{
	char text[4096];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return conn_write(conn, text, (size_t)length);
}

size_t
conn_unsent(const struct conn *conn)
{
	(void)conn;
	return 0;
}

void
conn_set_low_water(struct conn *conn, size_t low)
{
	(void)conn;
	(void)low;
}

void
conn_pause(struct conn *conn)
{
	conn->paused = true;
}

void
conn_resume(struct conn *conn)
{
	conn->paused = false;
}

void
conn_set_deadline(struct conn *conn, uint32_t milliseconds)
{
	(void)conn;
	world->deadline = milliseconds;
}

/* Delivers until the session takes no more. */
static void
conn_deliver(struct conn *conn)
{
	conn->delivering = true;
	while (!conn->closed && !conn->paused && buffer_length(&conn->in) > 0) {
		size_t used = conn->protocol->input(conn->context, conn, buffer_slice(&conn->in));

		if (conn->closed || used == 0)
			break;
		buffer_consume(&conn->in, used);
	}
	conn->delivering = false;
	if (conn->closed) {
		buffer_free(&conn->in);
		free(conn);
	} else if (buffer_length(&conn->in) > world->longest_input) {
		world->longest_input = buffer_length(&conn->in);
	}
}

/* ---- links ---- */

struct link *
link_new(struct process *process, const struct link_protocol *protocol, void *context)
{
	struct link *link = calloc(1, sizeof(*link));

	(void)process;
	link->protocol = protocol;
	link->context = context;
	buffer_init(&link->out, EVERYTHING);
	if (protocol->handlers != NULL)
		queue_link = link;
	return link;
}

void
link_free(struct link **link)
{
	buffer_free(&(*link)->out);
	free(*link);
	*link = NULL;
}

bool
link_is_up(const struct link *link)
{
	return !link->down;
}

struct channel *
link_channel(struct link *link)
{
	return (struct channel *)link;
}

struct wire_writer
link_begin(struct link *link, uint16_t type, int fd)
{
	(void)fd;
	if (link->down)
		return (struct wire_writer){ .error = -ENOTCONN };
	return wire_begin(&link->out, type, 0, ++last_request);
}

/* The client's body goes into the record of what the queue took. */
static void
take_message(struct wire_reader *reader)
{
	struct fake_message *message = &world->message;
	struct slice body;
	uint64_t size;

	message->id = wire_get_u64(reader);
	buffer_clear(&message->envelope);
	buffer_append_slice(&message->envelope, wire_get_slice(reader));
	message->in_file = wire_get_u8(reader) != 0;
	size = wire_get_u64(reader);
	body = wire_get_slice(reader);
	buffer_clear(&message->body);
	if (message->in_file) {
		char *room;

		if (body.length != 0 || buffer_reserve(&message->body, size, &room) != 0 || durable_pread(spool_file, room, size, 0) != 0)
			abort();
		buffer_commit(&message->body, size);
	} else if (body.length != size) {
		abort();
	} else {
		buffer_append_slice(&message->body, body);
	}
	if (!wire_done(reader))
		abort();
	message->count++;
}

static uint8_t
classify(struct slice address)
{
	static const struct {
		const char *prefix;
		uint8_t class;
	} classes[] = {
		{ "no", TABLE_NO_USER }, { "off", TABLE_DISABLED }, { "loop", TABLE_LOOP },
		{ "late", TABLE_TEMPORARY }, { "alias", TABLE_ALIAS },
	};

	if (slice_ends_nocase(address, SLICE("@remote.example")))
		return TABLE_REMOTE;
	if (slice_ends_nocase(address, SLICE("@relay.example")))
		return TABLE_RELAY;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (slice_starts_nocase(address, slice_from_string(classes[i].prefix)))
			return classes[i].class;
	return TABLE_LOCAL;
}

static void
note_question(struct fake_question *question, struct wire_reader *reader)
{
	if (question->link == world->host.tabled) {
		question->result = classify(wire_get_slice(reader));
		world->lookups++;
		return;
	}
	switch (question->type) {
	case SUBMIT_BODY_OPEN:
		question->result = (uint8_t)world->open_result;
		break;
	case SUBMIT_MESSAGE:
		question->result = (uint8_t)world->message_result;
		if (world->message_result == SUBMIT_OK)
			take_message(reader);
		break;
	default:
		break;
	}
}

int
link_send(struct link *link, struct wire_writer *writer, link_reply *reply, void *context, uint32_t *request_r)
{
	struct fake_question *question;
	struct wire_header header;
	struct wire_reader reader;
	struct slice payload;

	if (writer->out == NULL)
		return writer->error;
	if (wire_end(writer) != 0 || wire_next(buffer_slice(&link->out), EVERYTHING, &header, &payload) != 1)
		abort();
	question = calloc(1, sizeof(*question));
	question->link = link;
	question->reply = reply;
	question->context = context;
	question->request = header.request;
	question->type = header.type;
	reader = wire_read(payload);
	note_question(question, &reader);
	buffer_clear(&link->out);
	TAILQ_INSERT_TAIL(&questions, question, next);
	world->questions++;
	if (world->questions > world->most_questions)
		world->most_questions = world->questions;
	if (request_r != NULL)
		*request_r = question->request;
	return 0;
}

void
link_cancel(struct link *link, uint32_t request)
{
	struct fake_question *question;

	(void)link;
	TAILQ_FOREACH(question, &questions, next)
		if (question->request == request)
			question->cancelled = true;
}

struct wire_writer
channel_begin(struct channel *channel, uint16_t type, uint32_t request, int fd)
{
	(void)fd;
	if (type != SUBMIT_BODY_ABORT)
		abort();
	return wire_begin(&((struct link *)channel)->out, type, 0, request);
}

int
channel_send(struct channel *channel, struct wire_writer *writer)
{
	if (wire_end(writer) != 0)
		abort();
	buffer_clear(&((struct link *)channel)->out);
	world->aborted++;
	return 0;
}

/* ---- answers ---- */

static struct slice
make_ids(struct buffer *buffer)
{
	struct wire_writer writer;

	buffer_init(buffer, 100);
	writer = wire_begin_bare(buffer);
	wire_put_u64(&writer, next_ids);
	wire_put_u32(&writer, SUBMIT_IDS_COUNT);
	next_ids += SUBMIT_IDS_COUNT;
	return buffer_slice(buffer);
}

static void
bring_queue_up(void)
{
	struct buffer buffer;
	struct channel_frame frame = { .type = SUBMIT_IDS, .fd = -1 };

	queue_link->protocol->up(queue_link, queue_link->context);
	frame.body = wire_read(make_ids(&buffer));
	if (queue_link->protocol->handlers[0].handle(NULL, queue_link->context, &frame) != 0 || !wire_done(&frame.body))
		abort();
	buffer_free(&buffer);
}

static void
forget_question(struct fake_question *question)
{
	TAILQ_REMOVE(&questions, question, next);
	world->questions--;
}

/* Fills in the frame that answers QUESTION. */
static void
make_answer(const struct fake_question *question, struct channel_frame *frame, struct buffer *buffer)
{
	*frame = (struct channel_frame){ .request = question->request, .fd = -1 };
	if (question->link == queue_link && question->type == SUBMIT_IDS_MORE) {
		frame->type = SUBMIT_IDS;
		frame->body = wire_read(make_ids(buffer));
		return;
	}
	if (question->link != queue_link)
		frame->type = TABLE_LOOKUP_REPLY;
	else if (question->type == SUBMIT_MESSAGE)
		frame->type = SUBMIT_REPLY;
	else
		frame->type = question->result == SUBMIT_OK ? SUBMIT_BODY_OPENED : SUBMIT_BODY_REFUSED;
	if (frame->type == SUBMIT_BODY_OPENED) {
		if (spool_file >= 0)
			close(spool_file);
		spool_file = memfd_create("body", 0);
		frame->fd = dup(spool_file);
		world->opened++;
	}
	buffer_init(buffer, 100);
	buffer_append(buffer, &question->result, 1);
	frame->body = wire_read(buffer_slice(buffer));
}

bool
fake_answer(struct fake *fake)
{
	struct fake_question *question = fake->newest_first ? TAILQ_LAST(&questions, question_list) : TAILQ_FIRST(&questions);
	struct channel_frame frame;
	struct buffer buffer;

	if (question == NULL)
		return false;
	forget_question(question);
	if (!question->cancelled) {
		make_answer(question, &frame, &buffer);
		if (question->reply(question->context, 0, &frame) != 0 || !wire_done(&frame.body))
			abort();
		if (frame.fd >= 0)
			close(frame.fd);
		buffer_free(&buffer);
	}
	free(question);
	if (fake->conn != NULL)
		conn_deliver(fake->conn);
	return true;
}

void
fake_answer_all(struct fake *fake)
{
	while (fake_answer(fake))
		;
}

/* Everything that was asked over LINK is lost. */
static void
lose_questions(struct link *link)
{
	struct fake_question *question;
	struct fake_question *next;

	link->down = true;
	TAILQ_FOREACH_SAFE(question, &questions, next, next) {
		if (question->link != link)
			continue;
		forget_question(question);
		if (!question->cancelled)
			question->reply(question->context, -ECONNRESET, NULL);
		free(question);
	}
	if (link->protocol->down != NULL)
		link->protocol->down(link, link->context);
}

void
fake_restart_queued(struct fake *fake)
{
	lose_questions(queue_link);
	queue_link->down = fake->queued_down;
	if (!fake->queued_down)
		bring_queue_up();
	if (fake->conn != NULL)
		conn_deliver(fake->conn);
}

void
fake_restart_tabled(struct fake *fake)
{
	lose_questions(fake->host.tabled);
	fake->host.tabled->down = fake->tabled_down;
	if (fake->conn != NULL)
		conn_deliver(fake->conn);
}

/* ---- the world ---- */

static void
session_gone(struct session_host *host, struct session *session)
{
	(void)host;
	(void)session;
	world->session = NULL;
}

struct fake *
fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	log_set_level(-1);
	world = fake;
	config_defaults(&fake->config);
	strlcpy(fake->config.hostname, "mail.example.org", sizeof(fake->config.hostname));
	buffer_init(&fake->output, EVERYTHING);
	buffer_init(&fake->message.envelope, EVERYTHING);
	buffer_init(&fake->message.body, EVERYTHING);
	fake->host.config = &fake->config;
	fake->host.ended = session_gone;
	fake->host.tabled = lookup_link(NULL);
	fake->host.submit = submit_new(NULL);
	next_ids = 1;
	bring_queue_up();
	return fake;
}

void
fake_connect(struct fake *fake, bool submission)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
	fake->session = session_new(&fake->host, -1, (const struct sockaddr *)(const void *)&address, submission);
}

void
fake_free(struct fake *fake)
{
	if (fake->conn != NULL)
		fake_hang_up(fake);
	fake_answer_all(fake);
	submit_free(&fake->host.submit);
	link_free(&fake->host.tabled);
	buffer_free(&fake->output);
	buffer_free(&fake->message.envelope);
	buffer_free(&fake->message.body);
	if (spool_file >= 0)
		close(spool_file);
	spool_file = -1;
	free(fake);
}

void
fake_send(struct fake *fake, struct slice bytes)
{
	if (fake->conn == NULL)
		return;
	buffer_append_slice(&fake->conn->in, bytes);
	conn_deliver(fake->conn);
	if (!fake->patient)
		fake_answer_all(fake);
}

void
fake_send_string(struct fake *fake, const char *string)
{
	fake_send(fake, slice_from_string(string));
}

static void
end(struct fake *fake, enum conn_end how)
{
	struct conn *conn = fake->conn;

	if (conn == NULL)
		return;
	conn->delivering = true;
	conn->protocol->ended(conn->context, conn, how);
	conn->delivering = false;
	if (!conn->closed)
		abort();
	buffer_free(&conn->in);
	free(conn);
}

void
fake_hang_up(struct fake *fake)
{
	end(fake, CONN_EOF);
}

void
fake_time_out(struct fake *fake)
{
	end(fake, CONN_TIMEOUT);
}

const char *
fake_replies(struct fake *fake)
{
	static char text[64 * 1024];

	if (slice_to_string(slice_first(buffer_slice(&fake->output), sizeof(text) - 1), text, sizeof(text)) != 0)
		abort();
	buffer_clear(&fake->output);
	return text;
}

/* Each reply's last line: three digits and a blank. */
const char *
fake_codes(struct fake *fake)
{
	static char codes[64 * 1024];
	struct slice rest = buffer_slice(&fake->output);
	size_t used = 0;

	while (rest.length > 0 && used + 5 < sizeof(codes)) {
		size_t end_of_line = slice_find(rest, '\n');

		if (rest.length < 6 || end_of_line == rest.length || rest.data[end_of_line - 1] != '\r' || end_of_line > 511)
			abort();
		if (rest.data[3] == ' ') {
			if (used > 0)
				codes[used++] = ' ';
			memcpy(codes + used, rest.data, 3);
			used += 3;
		}
		rest = slice_from(rest, end_of_line + 1);
	}
	codes[used] = '\0';
	buffer_clear(&fake->output);
	return codes;
}

const char *
fake_body(struct fake *fake)
{
	static char text[1024 * 1024];

	if (slice_to_string(buffer_slice(&fake->message.body), text, sizeof(text)) != 0)
		abort();
	return text;
}

