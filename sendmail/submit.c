/*
 * Submitting a message by SMTP over a UNIX socket. The server has CHUNKING (RFC 3030), so that the content needs no dots.
 */
#include "sendmail/submit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/mail/address.h"
#include "common/mail/envelope.h"

enum {
	PATIENCE_MS = 30 * 1000,
	RETRY_MS = 200,
	ANSWER_SECONDS = 5 * 60,  /* RFC 5321 4.5.3.2 */
	REPLY_MAX = 16 * 1024,    /* bytes */
	LINE_MAX_SIZE = 2048,     /* bytes of a command */
	ENVID_SIZE = 3 * ENVELOPE_ENVID_MAX + 1,
};

/* What a command was answered. */
struct reply {
	int code;        /* 0: the connection is gone */
	char text[512];  /* of the last line */
};

struct client {
	int fd;
	struct buffer input;
	struct reply reply;
};

/* Of each recipient. */
enum fate { FATE_OPEN, FATE_REFUSED };

struct work {
	const struct submission *submission;
	const char **addresses;
	enum fate *fates;
	int status; /* worst so far */
};

/* ---- the connection ---- */

static int
submit_connect(const struct config *config)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd, error;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/submit.sock", config->run_directory) >=
	    (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void
pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = RETRY_MS * 1000000L }, NULL);
}

int
submit_connect_patiently(const struct config *config)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	int fd;

	while ((fd = submit_connect(config)) < 0 && clock_monotonic_ms() < deadline)
		pause_briefly();
	return fd;
}

static bool
client_send(const struct client *client, struct slice bytes)
{
	while (bytes.length > 0) {
		ssize_t sent = send(client->fd, bytes.data, bytes.length, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return false;
		bytes = slice_from(bytes, sent < 0 ? 0 : (size_t)sent);
	}
	return true;
}

/* Takes a line of the reply off the input. True at its last one. */
static bool
client_take_line(struct client *client, bool *whole_r)
{
	struct slice input = buffer_slice(&client->input);
	size_t length = slice_find(input, '\n');
	struct slice line = slice_first(input, length);
	uint64_t code;

	*whole_r = length < input.length;
	if (!*whole_r)
		return false;
	if (line.length > 0 && line.data[line.length - 1] == '\r')
		line.length--;
	client->reply.code = slice_to_number(slice_first(line, 3), 599, &code) == 0 ? (int)code : 0;
	(void)slice_to_string(slice_first(slice_from(line, 4), sizeof(client->reply.text) - 1), client->reply.text,
	                      sizeof(client->reply.text));
	buffer_consume(&client->input, length + 1);
	return line.length <= 3 || line.data[3] != '-';
}

/* Reads a reply (RFC 5321 4.2). Its code; 0 when the connection is gone. */
static int
client_read(struct client *client)
{
	client->reply = (struct reply){ 0 };
	for (;;) {
		char *room;
		ssize_t got;
		bool whole;

		if (client_take_line(client, &whole))
			return client->reply.code;
		if (whole)
			continue;
		if (buffer_reserve(&client->input, LINE_MAX_SIZE, &room) != 0)
			break;
		got = recv(client->fd, room, LINE_MAX_SIZE, 0);
		if (got == 0 || (got < 0 && errno != EINTR))
			break;
		buffer_commit(&client->input, got < 0 ? 0 : (size_t)got);
	}
	client->reply = (struct reply){ .text = "the connection was lost" };
	return 0;
}

/* Sends a line and reads its reply. */
static int __attribute__((format(printf, 2, 3)))
client_command(struct client *client, const char *format, ...)
{
	char line[LINE_MAX_SIZE];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	client->reply = (struct reply){ 0 };
	if (length < 0 || length >= (int)sizeof(line) || !client_send(client, slice_of(line, (size_t)length)))
		return 0;
	return client_read(client);
}

static bool
client_open(struct client *client, const struct config *config)
{
	*client = (struct client){ .fd = submit_connect(config) };
	buffer_init(&client->input, REPLY_MAX);
	if (client->fd < 0) {
		snprintf(client->reply.text, sizeof(client->reply.text), "smtpd does not answer: %s", strerror(-client->fd));
		return false;
	}
	return client_read(client) == 220 && client_command(client, "EHLO %s\r\n", config->hostname) == 250;
}

static void
client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	buffer_free(&client->input);
}

/* ---- the transaction ---- */

static void
complain(struct work *work, const char *what, const struct reply *reply, int status)
{
	fprintf(stderr, "sendmail: %s: %d %s\n", what, reply->code, reply->text);
	/* An unknown recipient says less than another failure. */
	if (work->status == EX_OK || work->status == EX_NOUSER)
		work->status = status;
}

static int
status_of(const struct reply *reply)
{
	if (strncmp(reply->text, "5.1.1", 5) == 0 || strncmp(reply->text, "5.1.2", 5) == 0)
		return EX_NOUSER;
	if (reply->code == 501 || reply->code == 552 || reply->code == 553 || strncmp(reply->text, "5.6.", 4) == 0)
		return EX_DATAERR;
	return EX_UNAVAILABLE;
}

/* RFC 3461 4 */
static void
encode_xtext(const char *in, char *out, size_t size)
{
	size_t at = 0;

	for (; *in != '\0' && at + 4 < size; in++) {
		unsigned char c = (unsigned char)*in;

		if (c > ' ' && c < 127 && c != '+' && c != '=')
			out[at++] = *in;
		else
			at += (size_t)snprintf(out + at, size - at, "+%02X", c);
	}
	out[at] = '\0';
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 127)
			return false;
	return true;
}

/* SMTPUTF8 for addresses that need it (RFC 6531). */
static bool
needs_utf8(const struct work *work, size_t first, size_t end)
{
	bool ascii = is_ascii(work->submission->sender);

	for (size_t i = first; i < end; i++)
		ascii = ascii && is_ascii(work->addresses[i]);
	return !ascii;
}

static int
send_mail(struct client *client, const struct work *work, bool utf8)
{
	const struct submission *submission = work->submission;
	const struct sendmail_options *options = submission->options;
	char sender[2 * ADDRESS_MAX + 4];
	char envid[ENVID_SIZE] = "";

	address_format_quoted(slice_from_string(submission->sender), sender, sizeof(sender));
	if (options->envid != NULL)
		encode_xtext(options->envid, envid, sizeof(envid));
	return client_command(client, "MAIL FROM:<%s> SIZE=%zu%s%s%s%s%s%s\r\n", sender, submission->content.length,
	                      submission->eight_bit || options->eight_bit ? " BODY=8BITMIME" : "", utf8 ? " SMTPUTF8" : "",
	                      options->ret == NULL ? "" : " RET=", options->ret == NULL ? "" : options->ret,
	                      envid[0] == '\0' ? "" : " ENVID=", envid);
}

static int
send_rcpt(struct client *client, const struct work *work, const char *address)
{
	const char *notify = work->submission->options->notify;
	char quoted[2 * ADDRESS_MAX + 4];

	address_format_quoted(slice_from_string(address), quoted, sizeof(quoted));
	return client_command(client, "RCPT TO:<%s>%s%s\r\n", quoted, notify == NULL ? "" : " NOTIFY=", notify == NULL ? "" : notify);
}

/* Offers the recipients from FIRST to END. How many were taken, or -EAGAIN: one cannot be judged now. */
static int
send_recipients(struct client *client, struct work *work, size_t first, size_t end)
{
	int taken = 0;

	for (size_t i = first; i < end; i++) {
		int code = work->fates[i] == FATE_OPEN ? send_rcpt(client, work, work->addresses[i]) : 550;

		if (code / 100 == 2) {
			taken++;
		} else if (code / 100 != 5) {
			return -EAGAIN;
		} else if (work->fates[i] == FATE_OPEN) {
			work->fates[i] = FATE_REFUSED;
			complain(work, work->addresses[i], &client->reply, status_of(&client->reply));
		}
	}
	return taken;
}

static int
send_content(struct client *client, const struct submission *submission)
{
	char line[LINE_MAX_SIZE];
	int length = snprintf(line, sizeof(line), "BDAT %zu LAST\r\n", submission->content.length);

	if (!client_send(client, slice_of(line, (size_t)length)) || !client_send(client, submission->content)) {
		/* It may have been refused before its end. */
		return client_read(client);
	}
	return client_read(client);
}

/* One attempt for some recipients. False: it may be tried again; client->reply says why. */
static bool
attempt(struct client *client, struct work *work, size_t first, size_t end)
{
	int code = client_open(client, work->submission->config) ? send_mail(client, work, needs_utf8(work, first, end)) : 0;
	int taken = -EAGAIN;

	if (code / 100 == 2)
		taken = send_recipients(client, work, first, end);
	else if (code / 100 != 5)
		return false;
	if (code / 100 == 2 && taken > 0)
		code = send_content(client, work->submission);
	if (code / 100 == 5)
		complain(work, "the message is refused", &client->reply, status_of(&client->reply));
	return code / 100 == 5 || (code / 100 == 2 && taken >= 0);
}

static void
submit_some(struct work *work, size_t first, size_t end)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;

	for (;;) {
		struct client client;
		bool done = attempt(&client, work, first, end);
		struct reply reply = client.reply;

		if (done)
			(void)client_send(&client, SLICE("QUIT\r\n"));
		client_close(&client);
		if (done)
			return;
		if (clock_monotonic_ms() >= deadline) {
			complain(work, "try again later", &reply, EX_TEMPFAIL);
			return;
		}
		pause_briefly();
	}
}

/* The addresses as a list. False when out of memory. */
static bool
work_list(struct work *work)
{
	const struct recipients *recipients = work->submission->recipients;
	const char *at = buffer_slice(&recipients->list).data;

	work->addresses = calloc(recipients->count, sizeof(work->addresses[0]));
	work->fates = calloc(recipients->count, sizeof(work->fates[0]));
	if (work->addresses == NULL || work->fates == NULL)
		return false;
	for (size_t i = 0; i < recipients->count; i++) {
		work->addresses[i] = at;
		at += strlen(at) + 1;
	}
	return true;
}

int
submit(const struct submission *submission)
{
	struct work work = { .submission = submission };
	size_t most = submission->config->recipients_limit;
	size_t count = submission->recipients->count;

	if (work_list(&work)) {
		for (size_t first = 0; first < count; first += most)
			submit_some(&work, first, count - first < most ? count : first + most);
	} else {
		work.status = EX_TEMPFAIL;
	}
	free(work.addresses);
	free(work.fates);
	return work.status;
}
