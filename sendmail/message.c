/*
 * A message as it is submitted.
 */
#include "sendmail/message.h"

#include <errno.h>

#include "common/mail/address.h"
#include "common/mail/envelope.h"
#include "common/mail/header.h"
#include "common/mail/originator.h"

enum {
	LIST_MAX = ENVELOPE_RECIPIENTS_MAX * 64, /* bytes */
	TEXT_MAX = ADDRESS_PATH_MAX + ADDRESS_DOMAIN_MAX + 2,
};

/* ---- recipients ---- */

void
recipients_init(struct recipients *recipients)
{
	*recipients = (struct recipients){ 0 };
	buffer_init(&recipients->list, LIST_MAX);
}

void
recipients_free(struct recipients *recipients)
{
	buffer_free(&recipients->list);
	recipients->count = 0;
}

/* TEXT is a mailbox, or the local-part of one. */
static int
recipients_add_one(struct recipients *recipients, const char *text, const char *domain)
{
	char whole[TEXT_MAX], plain[ADDRESS_MAX + 1];
	struct address address;

	if (address_parse_mailbox(slice_from_string(text), ADDRESS_UTF8, &address) != ADDRESS_OK) {
		if (strlcpy(whole, text, sizeof(whole)) >= sizeof(whole) || strlcat(whole, "@", sizeof(whole)) >= sizeof(whole) ||
		    strlcat(whole, domain, sizeof(whole)) >= sizeof(whole) ||
		    address_parse_mailbox(slice_from_string(whole), ADDRESS_UTF8, &address) != ADDRESS_OK)
			return -EINVAL;
	}
	address_format(&address, plain);
	recipients->count++;
	return buffer_append(&recipients->list, plain, strlen(plain) + 1);
}

int
recipients_add(struct recipients *recipients, struct slice text, const char *domain)
{
	char one[ORIGINATOR_TEXT_SIZE];
	int found, error = 0;

	while (error == 0 && (found = originator_next_text(&text, one)) != 0)
		error = found < 0 ? found : recipients_add_one(recipients, one, domain);
	return error;
}

/* ---- lines ---- */

/* Length of the first line of INPUT without its end, which may be LF, CRLF or CR; *whole_r with it. */
static size_t
line_length(struct slice input, size_t *whole_r)
{
	size_t length = slice_find(input, '\n');
	size_t carriage = slice_find(slice_first(input, length), '\r');

	if (carriage < length) {
		*whole_r = carriage + 1 + (carriage + 1 < input.length && input.data[carriage + 1] == '\n' ? 1 : 0);
		return carriage;
	}
	*whole_r = length < input.length ? length + 1 : length;
	return length;
}

/* A NUL, which no mail may hold (RFC 5321 4.5.2, 5322 4), is left out. */
static int
append_line(struct message *message, struct slice line)
{
	int error = 0;

	for (size_t i = 0; i < line.length && !message->eight_bit; i++)
		message->eight_bit = (unsigned char)line.data[i] > 127;
	while (error == 0 && line.length > 0) {
		struct slice piece = slice_first(line, slice_find(line, '\0'));

		error = buffer_append_slice(&message->content, piece);
		line = slice_from(line, piece.length + 1);
	}
	return error != 0 ? error : buffer_append(&message->content, "\r\n", 2);
}

/* The input as lines, up to its end or a line with a dot alone. An mbox's first line is no part of the message. */
static int
append_lines(struct message *message, struct slice input, bool dots)
{
	bool first = true;
	int error = 0;

	while (error == 0 && input.length > 0) {
		size_t whole;
		struct slice line = slice_first(input, line_length(input, &whole));

		if (!dots && slice_equal(line, SLICE(".")))
			break;
		if (!first || line.length < 5 || memcmp(line.data, "From ", 5) != 0)
			error = append_line(message, line);
		input = slice_from(input, whole);
		first = false;
	}
	return error;
}

/* ---- the header section ---- */

static bool
is_blind(struct slice name)
{
	return slice_equal_nocase(name, SLICE("Bcc")) || slice_equal_nocase(name, SLICE("Resent-Bcc"));
}

static bool
names_recipients(struct slice name, bool resent)
{
	if (resent)
		return slice_equal_nocase(name, SLICE("Resent-To")) || slice_equal_nocase(name, SLICE("Resent-Cc")) ||
		       slice_equal_nocase(name, SLICE("Resent-Bcc"));
	return slice_equal_nocase(name, SLICE("To")) || slice_equal_nocase(name, SLICE("Cc")) || slice_equal_nocase(name, SLICE("Bcc"));
}

static bool
is_resent(struct slice content)
{
	struct header_reader reader = header_read(content);
	struct header_field field;

	while (header_next(&reader, &field))
		if (names_recipients(field.name, true))
			return true;
	return false;
}

static int
gather_recipients(struct message *message, const struct message_rules *rules, struct slice content)
{
	struct header_reader reader = header_read(content);
	bool resent = is_resent(content);
	struct header_field field;
	int error = 0;

	while (error == 0 && header_next(&reader, &field))
		if (names_recipients(field.name, resent))
			error = recipients_add(&message->recipients, field.value, rules->domain);
	return error;
}

static int
append_from(struct buffer *out, const char *from)
{
	return buffer_printf(out, "From: %s\r\n", from);
}

/* LINES with a new header section: without the blind recipients, with a From: field, and with an end. */
static int
append_message(struct buffer *out, struct slice lines, const char *from)
{
	struct header_reader reader = header_read(lines);
	struct header_field field;
	int error = 0;

	if (!header_find(lines, SLICE("From"), &field))
		error = append_from(out, from);
	while (error == 0 && header_next(&reader, &field))
		if (!is_blind(field.name))
			error = buffer_append_slice(out, field.whole);
	if (error == 0 && (reader.rest.length < 2 || memcmp(reader.rest.data, "\r\n", 2) != 0))
		error = buffer_append(out, "\r\n", 2);
	return error != 0 ? error : buffer_append_slice(out, reader.rest);
}

void
message_init(struct message *message, size_t limit)
{
	*message = (struct message){ 0 };
	buffer_init(&message->content, limit);
	recipients_init(&message->recipients);
}

void
message_free(struct message *message)
{
	buffer_free(&message->content);
	recipients_free(&message->recipients);
}

int
message_prepare(struct message *message, const struct message_rules *rules, struct slice input)
{
	struct buffer lines;
	int error = append_lines(message, input, rules->dots);

	/* What was gathered becomes the source; the content begins anew. */
	lines = message->content;
	buffer_init(&message->content, lines.limit);
	if (error == 0 && rules->from_header)
		error = gather_recipients(message, rules, buffer_slice(&lines));
	if (error == 0)
		error = append_message(&message->content, buffer_slice(&lines), rules->from);
	buffer_free(&lines);
	return error;
}
