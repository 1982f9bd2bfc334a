/*
 * The log: where lines go. How a line is composed is in log_line.c. Nothing is returned and nothing fatal: a line
 * that cannot be written is counted, and the count is logged when writing works again.
 */
#include "common/base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log_line.h"

enum { HEAD_SIZE = 64 };

struct log {
	const char *service;
	const char *role; /* or NULL */
	enum log_target target;
	int fd;
	int level;
	char head[HEAD_SIZE]; /* "smtpd[4711] ", on standard error */
	char tail[HEAD_SIZE]; /* " pid=4711", in syslog */
	void (*on_pending)(void);
	atomic_uint lost; /* lines that could not be written */
};

static struct log log_state = {
	.service = "angarium", .target = LOG_TO_STDERR, .fd = STDERR_FILENO, .level = LOG_INFO
};

/* What is gathered belongs to the one thread that asked for it. */
static _Thread_local bool gathering;
static char gathered[LOG_DATAGRAM_MAX];
static size_t gathered_length;

void
log_open(const char *service, const char *role, enum log_target target, int fd)
{
	log_flush();
	log_state.service = service;
	log_state.role = role;
	log_state.target = target;
	log_state.fd = target == LOG_TO_STDERR ? STDERR_FILENO : fd;
	log_state.head[0] = log_state.tail[0] = '\0';
	if (target == LOG_TO_STDERR)
		snprintf(log_state.head, sizeof(log_state.head), "%.40s[%ld] ", service, (long)getpid());
	else
		snprintf(log_state.tail, sizeof(log_state.tail), " pid=%ld", (long)getpid());
	if (target == LOG_TO_SYSLOG)
		openlog(service, LOG_NDELAY, LOG_MAIL);
}

void
log_set_level(int priority)
{
	log_state.level = priority;
}

static unsigned
count_lines(struct slice lines)
{
	unsigned count = 0;

	for (size_t end = slice_find(lines, '\n'); end < lines.length; end = slice_find(lines, '\n')) {
		count++;
		lines = slice_from(lines, end + 1);
	}
	return count;
}

/* One write or one datagram. Never waits for the parent. False when it did not go out. */
static bool
put_out(struct slice lines)
{
	ssize_t count;

	do {
		if (log_state.target == LOG_TO_SOCKET)
			count = send(log_state.fd, lines.data, lines.length, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			count = write(log_state.fd, lines.data, lines.length);
	} while (count == -1 && errno == EINTR);
	return count == (ssize_t)lines.length;
}

static void
compose(struct log_line *line, int priority, const char *event, const struct log_field *fields)
{
	const struct log_field role = LOG_STRING("role", log_state.role);

	log_line_begin(line);
	if (log_state.target == LOG_TO_SOCKET)
		log_line_raw(line, (const char[]){ '<', (char)('0' + (priority & LOG_PRIMASK)), '>', '\0' });
	log_line_raw(line, log_state.head);
	log_line_raw(line, "event=");
	log_line_raw(line, event);
	log_line_raw(line, log_state.tail);
	if (log_state.role != NULL)
		log_line_field(line, &role);
	for (; fields->kind != LOG_KIND_END; fields++)
		log_line_field(line, fields);
	log_line_end(line);
}

/*
 * LINES are whole lines; PRIORITY is of the first. What was lost earlier is told as soon as something goes out
 * again.
 */
static void
emit(int priority, struct slice lines)
{
	unsigned lost;
	struct log_line line;

	if (log_state.target == LOG_TO_SYSLOG) {
		syslog(LOG_MAIL | priority, "%.*s", (int)(lines.length - 1), lines.data);
		return;
	}
	if (!put_out(lines)) {
		atomic_fetch_add(&log_state.lost, count_lines(lines));
		return;
	}
	lost = atomic_load(&log_state.lost);
	if (lost == 0 || !atomic_compare_exchange_strong(&log_state.lost, &lost, 0))
		return;
	compose(&line, LOG_WARNING, "log.lost",
	        (const struct log_field[]){ LOG_UINT("lines", lost), { .kind = LOG_KIND_END } });
	if (!put_out(slice_of(line.data, line.length)))
		atomic_fetch_add(&log_state.lost, lost);
}

void
log_flush(void)
{
	size_t length = gathered_length;

	if (!gathering || length == 0)
		return;
	gathered_length = 0;
	emit(LOG_INFO, slice_of(gathered, length));
}

void
log_set_gather(bool gather)
{
	log_flush();
	gathering = gather;
}

bool
log_pending(void)
{
	return gathering && gathered_length > 0;
}

void
log_on_pending(void (*callback)(void))
{
	log_state.on_pending = callback;
}

static void
gather_line(const struct log_line *line)
{
	if (line->length > sizeof(gathered) - gathered_length)
		log_flush();
	memcpy(gathered + gathered_length, line->data, line->length);
	gathered_length += line->length;
}

void
log_write(int priority, const char *event, const struct log_field *fields)
{
	struct log_line line;
	bool was_pending;

	if (priority > log_state.level)
		return;
	compose(&line, priority, event, fields);
	/* Each line to syslog(3) has a priority of its own, so that gathering would gain nothing. */
	if (!gathering || log_state.target == LOG_TO_SYSLOG) {
		emit(priority, slice_of(line.data, line.length));
		return;
	}
	was_pending = log_pending();
	gather_line(&line);
	if (priority < LOG_NOTICE)
		log_flush();
	else if (!was_pending && log_state.on_pending != NULL)
		log_state.on_pending();
}

/* A line of a role, "<6>event=...", which may be under an intruder's control. */
static void
forward_line(struct slice line)
{
	char text[LOG_LINE_MAX];
	int priority = LOG_WARNING;
	size_t length;

	if (line.length >= 3 && line.data[0] == '<' && line.data[1] >= '0' && line.data[1] <= '7' &&
	    line.data[2] == '>') {
		/* No role has reason to say more than "error"; what is above rings bells. */
		priority = line.data[1] - '0' < LOG_ERR ? LOG_ERR : line.data[1] - '0';
		line = slice_from(line, 3);
	}
	length = line.length < sizeof(text) ? line.length : sizeof(text);
	for (size_t i = 0; i < length; i++)
		text[i] = line.data[i] >= ' ' && line.data[i] <= '~' ? line.data[i] : '?';
	if (length > 0)
		syslog(LOG_MAIL | priority, "%.*s", (int)length, text);
}

void
log_forward(struct slice datagram)
{
	datagram = slice_first(datagram, LOG_DATAGRAM_MAX);
	while (datagram.length > 0) {
		size_t end = slice_find(datagram, '\n');

		forward_line(slice_first(datagram, end));
		datagram = slice_from(datagram, end + 1);
	}
}
