/*
 * Whole SMTP sessions against a fake table and queue. However the client's bytes are cut, and in whatever order
 * the table answers, the replies and what the queue gets must be the same; and no message with bare line ends
 * gets through. Only which of several faults of a message is named may depend on the cut.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/mail/envelope.h"
#include "smtpd/reply.h"
#include "smtpd/text.h"
#include "t/unit/smtp_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 4 }; /* bytes of the input that say how the rest is cut */

static struct fake *
make_world(bool submission)
{
	struct fake *fake = fake_new();

	fake->config.smtp_errors = 50;
	fake->config.recipients_limit = 5;
	fake->config.message_size_limit = 3000;
	fake->config.inline_limit = 1024;
	fake->config.hops_limit = 2;
	fake->config.auth_without_tls = CONFIG_YES;
	fake->config.auth_on_smtp = CONFIG_YES;
	fake->config.relay_networks.list[0] = (struct config_network){ .family = AF_INET, .bits = 0 };
	fake_connect(fake, submission);
	return fake;
}

/* Sends INPUT in pieces, and answers questions late, one by one and newest first. */
static void
send_pieces(struct fake *fake, struct slice input, struct slice steps)
{
	size_t step = 0;

	fake->patient = fake->newest_first = true;
	while (input.length > 0) {
		unsigned char length = (unsigned char)steps.data[step++ % steps.length];

		fake_send(fake, slice_first(input, 1 + (length & 31)));
		input = slice_from(input, 1 + (size_t)(length & 31));
		if (length >= 128)
			fake_answer(fake);
	}
	fake_answer_all(fake);
}

static void
check_message(const struct fake *fake)
{
	struct envelope envelope;
	struct text text;

	if (fake->message.count == 0)
		return;
	if (envelope_decode(buffer_slice(&fake->message.envelope), &envelope) != 0)
		abort();
	text_begin(&text);
	text_check(&text, buffer_slice(&fake->message.body));
	text_end(&text);
	if ((envelope.flags & ENVELOPE_BINARYMIME) != 0 || text.faults != 0 || text.in_line)
		abort();
	if (envelope.recipient_count > fake->config.recipients_limit)
		abort();
	envelope_free(&envelope);
}

static bool
is_fault(struct slice line)
{
	static const enum reply faults[] = { REPLY_NUL, REPLY_BARE_LINE_END, REPLY_TOO_BIG, REPLY_TOO_MANY_HOPS,
		REPLY_UNCONVERTIBLE };

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (slice_equal(line, reply_line(faults[i])))
			return true;
	return false;
}

/* What the client was told, with one line for all faults of a message. Free it. */
static char *
take_replies(struct fake *fake)
{
	struct slice rest = buffer_slice(&fake->output);
	struct buffer out;

	buffer_init(&out, 1 << 24);
	while (rest.length > 0) {
		struct slice line = slice_first(rest, slice_find(rest, '\n') + 1);

		buffer_append_slice(&out, is_fault(line) ? SLICE("a fault\n") : line);
		rest = slice_from(rest, line.length);
	}
	buffer_append(&out, "", 1);
	return out.data;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_from(slice_of(data, size), STEPS);
	struct fake *fake;
	char *replies;
	char *other_replies;
	unsigned messages;

	if (size < STEPS)
		return 0;
	fake = make_world((data[0] & 32) != 0);
	fake_send(fake, input);
	check_message(fake);
	messages = fake->message.count;
	replies = take_replies(fake);
	fake_free(fake);

	fake = make_world((data[0] & 32) != 0);
	send_pieces(fake, input, slice_of(data, STEPS));
	check_message(fake);
	other_replies = take_replies(fake);
	if (messages != fake->message.count || strcmp(replies, other_replies) != 0)
		abort();
	free(replies);
	free(other_replies);
	fake_free(fake);
	return 0;
}
