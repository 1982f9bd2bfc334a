/*
 * Fuzzes what sendmail makes of a message: the first byte chooses the rules. What comes out is lines, without blind recipients, and every recipient
 * is an address.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/mail/address.h"
#include "common/mail/header.h"
#include "sendmail/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_content(struct slice content)
{
	struct header_field field;

	if (content.length < 2 || content.data[content.length - 2] != '\r' || content.data[content.length - 1] != '\n')
		abort();
	for (size_t i = 0; i < content.length; i++)
		if (content.data[i] == '\0' || (content.data[i] == '\n') != (i > 0 && content.data[i - 1] == '\r'))
			abort();
	if (header_find(content, SLICE("Bcc"), &field) || !header_find(content, SLICE("From"), &field))
		abort();
}

static void
check_recipients(const struct recipients *recipients)
{
	struct slice rest = buffer_slice(&recipients->list);
	struct slice local, domain;

	for (size_t i = 0; i < recipients->count; i++) {
		size_t length = slice_find(rest, '\0');

		if (length == rest.length || !address_split(slice_first(rest, length), &local, &domain))
			abort();
		rest = slice_from(rest, length + 1);
	}
	if (rest.length > 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_rules rules = { .domain = "host.example", .from = "me@host.example" };
	struct message message;
	int error;

	if (size == 0)
		return 0;
	rules.dots = (data[0] & 1) != 0;
	rules.from_header = (data[0] & 2) != 0;
	message_init(&message, 4 * size + 1024);
	error = message_prepare(&message, &rules, slice_of(data + 1, size - 1));
	if (error == 0) {
		check_content(buffer_slice(&message.content));
		check_recipients(&message.recipients);
	}
	message_free(&message);
	return 0;
}
