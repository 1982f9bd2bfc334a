/*
 * STAT, LIST and UIDL (RFC 1939 sections 5 and 7). No file is opened for them when the names tell the sizes.
 */
#include "pop3d/session.h"

enum {
	BLOCK_SIZE = 16 * 1024, /* bytes of lines that are made in one step */
	LINE_SIZE = 128,        /* bytes that every line fits in: number, blank, unique-id or size, CRLF */
	NUMBER_SIZE = 20,       /* digits of a 64-bit number */
};

static char block[BLOCK_SIZE];

static enum session_progress
step_stat(struct session *session)
{
	session_printf(session, "+OK %u %llu\r\n", maildrop_left(session->maildrop),
	               (unsigned long long)maildrop_left_octets(session->maildrop));
	return SESSION_DONE;
}

void
verb_stat(struct session *session, struct slice arguments)
{
	if (session_no_more(session, arguments))
		verb_size(session, 0, maildrop_count(session->maildrop), step_stat);
}

/* Writes NUMBER in digits; returns where it ends. Lists of a million lines are long for printf. */
static char *
put_number(char *at, uint64_t number)
{
	char digits[NUMBER_SIZE];
	size_t length = 0;

	do {
		digits[length++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (length > 0)
		*at++ = digits[--length];
	return at;
}

static char *
put_size(const struct session *session, uint32_t message, char *at)
{
	return put_number(at, maildrop_octets(session->maildrop, message));
}

static char *
put_uidl(const struct session *session, uint32_t message, char *at)
{
	maildrop_uidl(session->maildrop, message, at);
	return at + strlen(at);
}

typedef char *put_value(const struct session *session, uint32_t message, char *at);

static char *
put_line(const struct session *session, uint32_t message, put_value *put, char *at)
{
	at = put_number(at, (uint64_t)message + 1);
	*at++ = ' ';
	at = put(session, message, at);
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

static void
reply_one(struct session *session, uint32_t message, put_value *put)
{
	char line[LINE_SIZE] = "+OK ";
	char *end = put_line(session, message, put, line + 4);

	session_reply(session, slice_of(line, (size_t)(end - line)));
}

/* A block of lines of a list of all messages. */
static enum session_progress
reply_all(struct session *session, put_value *put)
{
	struct session_work *work = &session->work;
	char *at = block;

	while (work->next < work->end && block + sizeof(block) - at >= LINE_SIZE) {
		if (!maildrop_deleted(session->maildrop, work->next))
			at = put_line(session, work->next, put, at);
		work->next++;
	}
	session_reply(session, slice_of(block, (size_t)(at - block)));
	if (work->next < work->end)
		return SESSION_MORE;
	session_reply(session, SLICE(".\r\n"));
	return SESSION_DONE;
}

static enum session_progress
step_list(struct session *session)
{
	return reply_all(session, put_size);
}

static enum session_progress
step_list_begin(struct session *session)
{
	session_printf(session, "+OK %u messages (%llu octets)\r\n", maildrop_left(session->maildrop),
	               (unsigned long long)maildrop_left_octets(session->maildrop));
	session->work.next = 0;
	session->work.step = step_list;
	return SESSION_MORE;
}

static enum session_progress
step_list_one(struct session *session)
{
	reply_one(session, session->work.end - 1, put_size);
	return SESSION_DONE;
}

void
verb_list(struct session *session, struct slice arguments)
{
	uint32_t message;

	if (command_end(arguments))
		verb_size(session, 0, maildrop_count(session->maildrop), step_list_begin);
	else if (session_get_message(session, &arguments, &message) && session_no_more(session, arguments))
		verb_size(session, message, message + 1, step_list_one);
}

static enum session_progress
step_uidl(struct session *session)
{
	return reply_all(session, put_uidl);
}

void
verb_uidl(struct session *session, struct slice arguments)
{
	uint32_t message;

	if (command_end(arguments)) {
		session_reply(session, SLICE("+OK\r\n"));
		session->work.next = 0;
		session->work.end = maildrop_count(session->maildrop);
		session->work.step = step_uidl;
	} else if (session_get_message(session, &arguments, &message) && session_no_more(session, arguments)) {
		reply_one(session, message, put_uidl);
	}
}
