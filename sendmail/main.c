/*
 * sendmail: what programs call to send mail, with the options that they know. It has no privileges: it talks SMTP to smtpd over a UNIX socket.
 */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/utf8.h"
#include "common/mail/address.h"
#include "sendmail/submit.h"

enum {
	READ_SIZE = 64 * 1024, /* bytes */
	NAME_MAX_SIZE = 256,   /* bytes of a full name */
	WORD_NAME_MAX = 42,    /* bytes of a name in one encoded word, of at most 75 characters (RFC 2047 2) */
	HEADER_ROOM = 4096,    /* bytes that we add at most, besides line ends */
	FROM_SIZE = 2 * ADDRESS_MAX + 2 * NAME_MAX_SIZE,
};

struct sendmail {
	struct sendmail_options options;
	struct config config;
	char login[NAME_MAX_SIZE];
	char full_name[NAME_MAX_SIZE];
	char sender[ADDRESS_MAX + 1];
	char from[FROM_SIZE];
};

static int
fail(int status, const char *what, const char *why)
{
	fprintf(stderr, "sendmail: %s%s%s\n", what, why == NULL ? "" : ": ", why == NULL ? "" : why);
	return status;
}

static int
load_config(struct sendmail *sendmail)
{
	char error[CONFIG_ERROR_MAX];
	int result = config_load(&sendmail->config, sendmail->options.config, NULL, NULL, error);

	return result == 0 ? 0 : fail(EX_CONFIG, error, NULL);
}

/* ---- who sends ---- */

/* The first part of the gecos field, where "&" stands for the login (passwd(5)). */
static void
expand_gecos(const char *gecos, const char *login, char *out, size_t size)
{
	size_t at = 0;

	for (; *gecos != '\0' && *gecos != ',' && at + 1 < size; gecos++) {
		if (*gecos != '&') {
			out[at++] = *gecos;
			continue;
		}
		out[at] = '\0';
		if (strlcat(out, login, size) < size && login[0] >= 'a' && login[0] <= 'z')
			out[at] = (char)(login[0] - 'a' + 'A');
		at = strlen(out);
	}
	out[at] = '\0';
}

static void
find_user(struct sendmail *sendmail)
{
	const struct passwd *user = getpwuid(getuid());

	if (user == NULL) {
		snprintf(sendmail->login, sizeof(sendmail->login), "uid%u", (unsigned)getuid());
	} else {
		strlcpy(sendmail->login, user->pw_name, sizeof(sendmail->login));
		expand_gecos(user->pw_gecos == NULL ? "" : user->pw_gecos, sendmail->login, sendmail->full_name, sizeof(sendmail->full_name));
	}
	if (sendmail->options.full_name != NULL)
		strlcpy(sendmail->full_name, sendmail->options.full_name, sizeof(sendmail->full_name));
}

static int
find_sender(struct sendmail *sendmail)
{
	const char *sender = sendmail->options.sender == NULL ? sendmail->login : sendmail->options.sender;
	struct recipients one;
	int error;

	sendmail->sender[0] = '\0';
	if (sender[0] == '\0' || strcmp(sender, "<>") == 0)
		return 0;
	recipients_init(&one);
	error = recipients_add(&one, slice_from_string(sender), sendmail->config.hostname);
	if (error == 0 && one.count == 1)
		strlcpy(sendmail->sender, one.list.data + one.list.start, sizeof(sendmail->sender));
	else
		error = fail(EX_USAGE, sender, "this is no address to send from");
	recipients_free(&one);
	return error;
}

/* A name as a phrase (RFC 5322 3.2.5): quoted, or, when it is not ASCII, an encoded word (RFC 2047). */
static void
format_name(const char *name, char *out, size_t size)
{
	bool ascii = true;
	size_t at = 0;

	for (const char *c = name; *c != '\0'; c++)
		ascii = ascii && (unsigned char)*c < 127 && (unsigned char)*c >= ' ';
	if (!ascii) {
		size_t length = strlen(name);
		char text[BASE64_SIZE(WORD_NAME_MAX)];

		/* Whole characters (RFC 2047 5). */
		if (length > WORD_NAME_MAX)
			for (length = WORD_NAME_MAX; length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80; length--)
				continue;
		base64_encode(name, length, text);
		snprintf(out, size, "=?UTF-8?B?%s?= ", text);
		return;
	}
	out[at++] = '"';
	for (; *name != '\0' && at + 4 < size; name++) {
		if (*name == '"' || *name == '\\')
			out[at++] = '\\';
		out[at++] = *name;
	}
	strlcpy(out + at, "\" ", size - at);
}

static void
make_from(struct sendmail *sendmail)
{
	char address[2 * ADDRESS_MAX + 4];
	char name[2 * NAME_MAX_SIZE] = "";

	if (sendmail->full_name[0] != '\0' && utf8_valid(slice_from_string(sendmail->full_name)))
		format_name(sendmail->full_name, name, sizeof(name));
	if (sendmail->sender[0] == '\0')
		snprintf(address, sizeof(address), "MAILER-DAEMON@%s", sendmail->config.hostname);
	else
		address_format_quoted(slice_from_string(sendmail->sender), address, sizeof(address));
	snprintf(sendmail->from, sizeof(sendmail->from), "%s<%s>", name, address);
}

/* ---- a message ---- */

/* All of standard input. 0, -ENOBUFS, or another negative errno value. */
static int
read_input(struct buffer *input)
{
	for (;;) {
		char *room;
		ssize_t got;
		int error = buffer_reserve(input, READ_SIZE, &room);

		if (error != 0)
			return error;
		got = read(STDIN_FILENO, room, READ_SIZE);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		buffer_commit(input, got < 0 ? 0 : (size_t)got);
	}
}

static int
add_arguments(const struct sendmail *sendmail, struct recipients *recipients)
{
	for (int i = 0; i < sendmail->options.recipient_count; i++)
		if (recipients_add(recipients, slice_from_string(sendmail->options.recipients[i]), sendmail->config.hostname) != 0)
			return fail(EX_DATAERR, sendmail->options.recipients[i], "this is no address");
	return 0;
}

static int
explain_prepare(int error)
{
	switch (error) {
	case -EINVAL:
		return fail(EX_DATAERR, "an address in the header section is malformed", NULL);
	case -ENOBUFS:
		return fail(EX_DATAERR, "the message is too large", NULL);
	default:
		return fail(EX_OSERR, strerror(-error), NULL);
	}
}

static int
send_message(const struct sendmail *sendmail, struct message *message, struct slice input)
{
	const struct message_rules rules = {
		.dots = sendmail->options.dots,
		.from_header = sendmail->options.from_header,
		.domain = sendmail->config.hostname,
		.from = sendmail->from,
	};
	int status = add_arguments(sendmail, &message->recipients);
	int error = status == 0 ? message_prepare(message, &rules, input) : 0;

	if (error != 0)
		return explain_prepare(error);
	if (status != 0)
		return status;
	if (message->recipients.count == 0)
		return fail(sendmail->options.from_header ? EX_DATAERR : EX_USAGE, "there are no recipients", NULL);
	return submit(&(struct submission){
		.config = &sendmail->config,
		.options = &sendmail->options,
		.sender = sendmail->sender,
		.recipients = &message->recipients,
		.content = buffer_slice(&message->content),
		.eight_bit = message->eight_bit,
	});
}

static int
run_message(struct sendmail *sendmail)
{
	size_t limit = (size_t)sendmail->config.message_size_limit;
	struct message message;
	struct buffer input;
	int status, error;

	find_user(sendmail);
	status = find_sender(sendmail);
	if (status != 0)
		return status;
	make_from(sendmail);
	buffer_init(&input, limit + READ_SIZE);
	message_init(&message, 2 * limit + HEADER_ROOM); /* every line end may grow; the server judges */
	error = read_input(&input);
	status = error == 0 ? send_message(sendmail, &message, buffer_slice(&input)) : explain_prepare(error);
	message_free(&message);
	buffer_free(&input);
	return status;
}

/* ---- other modes ---- */

/* Passes on what can be read from FROM. 1, 0 at its end, or a negative errno value. */
static int
pass(int from, int to)
{
	char bytes[READ_SIZE];
	ssize_t got = read(from, bytes, sizeof(bytes));
	size_t done = 0;

	if (got < 0)
		return errno == EINTR ? 1 : -errno;
	while (done < (size_t)got) {
		ssize_t sent = write(to, bytes + done, (size_t)got - done);

		if (sent < 0 && errno != EINTR)
			return -errno;
		done += sent < 0 ? 0 : (size_t)sent;
	}
	return got > 0;
}

/* SMTP on standard input and output: the server speaks, we pass on. */
static int
run_smtp(const struct sendmail *sendmail)
{
	int fd = submit_connect_patiently(&sendmail->config);
	struct pollfd polls[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	int result = 1;

	if (fd < 0)
		return fail(EX_TEMPFAIL, "smtpd does not answer", strerror(-fd));
	while (result == 1) {
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			break;
		if (polls[0].fd >= 0 && (polls[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && pass(STDIN_FILENO, fd) != 1) {
			shutdown(fd, SHUT_WR);
			polls[0].fd = -1;
		}
		if ((polls[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			result = pass(fd, STDOUT_FILENO);
	}
	close(fd);
	return result == 0 ? EX_OK : EX_IOERR;
}

/* The queue is another program's. */
static int
run_queuetool(const struct sendmail *sendmail, const char *verb, const char *option)
{
	const char *const arguments[] = { "queuetool", "-c", sendmail->options.config, verb, option, NULL };

	execv(SBINDIR "/queuetool", (char *const *)(uintptr_t)arguments);
	return fail(EX_OSFILE, SBINDIR "/queuetool", strerror(errno));
}

int
main(int argc, char **argv)
{
	static struct sendmail sendmail;
	char problem[SENDMAIL_PROBLEM_SIZE];
	int status;

	if (sendmail_options_parse(argc, argv, &sendmail.options, problem) != 0)
		return fail(EX_USAGE, problem, NULL);
	switch (sendmail.options.mode) {
	case SENDMAIL_LIST:
		return run_queuetool(&sendmail, "list", "--mailq");
	case SENDMAIL_RUN:
		return run_queuetool(&sendmail, "retry", "--all");
	case SENDMAIL_ALIASES:
		puts("aliases are in the table, and take effect at once; see dbtool(8)");
		return EX_OK;
	case SENDMAIL_MESSAGE:
	case SENDMAIL_SMTP:
		break;
	}
	status = load_config(&sendmail);
	if (status == 0)
		status = sendmail.options.mode == SENDMAIL_SMTP ? run_smtp(&sendmail) : run_message(&sendmail);
	return status;
}
