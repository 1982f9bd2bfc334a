/*
 * A world for an SMTP session without sockets and processes: tabled and queued.
 */
#include "t/unit/smtp_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/io/body_file.h"
#include "common/io/durable.h"
#include "common/ipc/link.h"
#include "common/ipc/proto_table.h"

enum { EVERYTHING = 64 * 1024 * 1024 }; /* bytes */

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
static uint32_t last_request;
static int spool_file = -1; /* ours of the last file given */

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
	struct fake_message *message = &fake_world->message;
	struct body_sums said = { 0 }, sums = { 0 };
	struct slice body;
	uint64_t size;

	message->id = wire_get_u64(reader);
	buffer_clear(&message->envelope);
	buffer_append_slice(&message->envelope, wire_get_slice(reader));
	message->in_file = wire_get_u8(reader) != 0;
	size = wire_get_u64(reader);
	said.whole = wire_get_u32(reader);
	said.beginning = wire_get_u32(reader);
	body = wire_get_slice(reader);
	buffer_clear(&message->body);
	if (message->in_file) {
		char *room;

		if (body.length != 0 || buffer_reserve(&message->body, size, &room) != 0 ||
		    durable_pread(spool_file, room, size, 0) != 0)
			abort();
		buffer_commit(&message->body, size);
		body_sums_add(&sums, 0, buffer_slice(&message->body));
	} else if (body.length != size) {
		abort();
	} else {
		buffer_append_slice(&message->body, body);
	}
	if (!wire_done(reader) || memcmp(&said, &sums, sizeof(sums)) != 0)
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

static uint8_t
judge_password(struct slice password)
{
	if (slice_equal(password, SLICE("late")))
		return TABLE_AUTH_TEMPORARY;
	return slice_equal(password, SLICE("right")) ? TABLE_AUTH_OK : TABLE_AUTH_FAILED;
}

static uint8_t
judge_sender(struct slice address)
{
	if (slice_starts_nocase(address, SLICE("late")))
		return TABLE_MAY_SEND_LATER;
	return slice_starts_nocase(address, SLICE("alice")) ? TABLE_MAY_SEND_YES : TABLE_MAY_SEND_NO;
}

static void
note_table_question(struct fake_question *question, struct wire_reader *reader)
{
	switch (question->type) {
	case TABLE_AUTH:
		for (int i = 0; i < 3; i++)
			(void)wire_get_slice(reader);
		question->result = judge_password(wire_get_slice(reader));
		break;
	case TABLE_SCRAM_BEGIN:
		question->result = TABLE_AUTH_OK;
		break;
	case TABLE_SCRAM_FINISH:
		(void)wire_get_u64(reader);
		question->result = slice_equal(wire_get_slice(reader), SLICE("bar")) ? TABLE_AUTH_OK : TABLE_AUTH_FAILED;
		break;
	case TABLE_MAY_SEND:
		(void)wire_get_slice(reader);
		question->result = judge_sender(wire_get_slice(reader));
		break;
	default:
		question->result = classify(wire_get_slice(reader));
		fake_world->lookups++;
		break;
	}
}

static void
note_question(struct fake_question *question, struct wire_reader *reader)
{
	if (question->link == fake_world->host.tabled) {
		note_table_question(question, reader);
		return;
	}
	switch (question->type) {
	case SUBMIT_BODY_OPEN:
		question->result = (uint8_t)fake_world->open_result;
		break;
	case SUBMIT_MESSAGE:
		question->result = (uint8_t)fake_world->message_result;
		if (fake_world->message_result == SUBMIT_OK)
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
	fake_world->questions++;
	if (fake_world->questions > fake_world->most_questions)
		fake_world->most_questions = fake_world->questions;
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

/* ---- answers ---- */

void
fake_close_spool_file(void)
{
	if (spool_file >= 0)
		close(spool_file);
	spool_file = -1;
}

struct wire_writer
channel_begin(struct channel *channel, uint16_t type, uint32_t request, int fd)
{
	(void)fd;
	return wire_begin(&((struct link *)channel)->out, type, 0, request);
}

static struct slice
make_ids(struct buffer *buffer)
{
	struct wire_writer writer;

	buffer_init(buffer, 100);
	writer = wire_begin_bare(buffer);
	wire_put_u64(&writer, fake_world->next_id);
	wire_put_u32(&writer, SUBMIT_IDS_COUNT);
	fake_world->next_id += SUBMIT_IDS_COUNT;
	return buffer_slice(buffer);
}

/* The queue says something unasked. */
static void
tell(uint16_t type, struct slice payload)
{
	struct channel_frame frame = { .type = type, .fd = -1, .body = wire_read(payload) };
	const struct channel_handler *handler = queue_link->protocol->handlers;

	while (handler->type != type)
		handler++;
	if (handler->handle(NULL, queue_link->context, &frame) != 0 || !wire_done(&frame.body))
		abort();
}

static void
give_ids(void)
{
	struct buffer buffer;

	tell(SUBMIT_IDS, make_ids(&buffer));
	buffer_free(&buffer);
}

void
fake_tell_space(bool space)
{
	tell(SUBMIT_SPACE, slice_of(space ? "\1" : "\0", 1));
}

int
channel_send(struct channel *channel, struct wire_writer *writer)
{
	struct link *link = (struct link *)channel;
	struct wire_header header;
	struct slice payload;

	if (wire_end(writer) != 0 || wire_next(buffer_slice(&link->out), EVERYTHING, &header, &payload) != 1)
		abort();
	buffer_clear(&link->out);
	if (header.type == SUBMIT_BODY_ABORT)
		fake_world->aborted++;
	else if (header.type == TABLE_SCRAM_ABORT)
		fake_world->abandoned++;
	else if (header.type == SUBMIT_IDS_MORE)
		fake_world->ids_wanted = true;
	else
		abort();
	return 0;
}

void
fake_bring_queue_up(void)
{
	queue_link->protocol->up(queue_link, queue_link->context);
	give_ids();
}

static void
forget_question(struct fake_question *question)
{
	TAILQ_REMOVE(&questions, question, next);
	fake_world->questions--;
}

static uint16_t
table_answer_type(uint16_t question)
{
	switch (question) {
	case TABLE_AUTH:
	case TABLE_SCRAM_FINISH:
		return TABLE_AUTH_REPLY;
	case TABLE_SCRAM_BEGIN:
		return TABLE_SCRAM_CHALLENGE;
	case TABLE_MAY_SEND:
		return TABLE_MAY_SEND_REPLY;
	default:
		return TABLE_LOOKUP_REPLY;
	}
}

/* What follows after an OK. */
static void
make_login(const struct fake_question *question, struct buffer *buffer)
{
	struct wire_writer writer = wire_begin_bare(buffer);

	if (question->result != TABLE_AUTH_OK)
		return;
	if (question->type == TABLE_SCRAM_BEGIN) {
		wire_put_u64(&writer, 7);
		wire_put_string(&writer, "foo");
		return;
	}
	wire_put_string(&writer, "");
	wire_put_string(&writer, "alice@example.org");
	wire_put_string(&writer, question->type == TABLE_SCRAM_FINISH ? "v=x" : "");
}

/* Fills in the frame that answers QUESTION. */
static void
make_answer(const struct fake_question *question, struct channel_frame *frame, struct buffer *buffer)
{
	*frame = (struct channel_frame){ .request = question->request, .fd = -1 };
	if (question->link != queue_link)
		frame->type = table_answer_type(question->type);
	else if (question->type == SUBMIT_MESSAGE)
		frame->type = SUBMIT_REPLY;
	else
		frame->type = question->result == SUBMIT_OK ? SUBMIT_BODY_OPENED : SUBMIT_BODY_REFUSED;
	if (frame->type == SUBMIT_BODY_OPENED) {
		fake_close_spool_file();
		spool_file = memfd_create("body", 0);
		frame->fd = dup(spool_file);
		fake_world->opened++;
	}
	buffer_init(buffer, 100);
	buffer_append(buffer, &question->result, 1);
	if (frame->type == TABLE_AUTH_REPLY || frame->type == TABLE_SCRAM_CHALLENGE)
		make_login(question, buffer);
	frame->body = wire_read(buffer_slice(buffer));
}

bool
fake_answer(struct fake *fake)
{
	struct fake_question *first = TAILQ_FIRST(&questions);
	struct fake_question *question = fake->newest_first ? TAILQ_LAST(&questions, question_list) : first;
	struct channel_frame frame;
	struct buffer buffer;

	if (fake->ids_wanted)
		give_ids();
	fake->ids_wanted = false;
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
	fake_deliver(fake);
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
		fake_bring_queue_up();
	fake_deliver(fake);
}

void
fake_restart_tabled(struct fake *fake)
{
	lose_questions(fake->host.tabled);
	fake->host.tabled->down = fake->tabled_down;
	fake_deliver(fake);
}
