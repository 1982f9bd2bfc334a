/*
 * Replies and extensions: what is taken stays within its limits, is printable, and does not depend on where the input is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "relayd/ehlo.h"
#include "relayd/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct reply *reply, enum reply_step step)
{
	struct slice text = slice_from_string(reply->text);
	char status[REPLY_STATUS_SIZE];

	if (text.length != reply->length || !utf8_valid(text) || reply->lines > REPLY_LINES_MAX)
		abort();
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127)
			abort();
	if (step != REPLY_WHOLE && step != REPLY_MORE)
		return;
	reply_status(reply, status);
	if (reply->code < 200 || reply->code > 599 || (unsigned)(status[0] - '0') != reply->code / 100)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	struct reply reply = { .code = 0 };
	struct ehlo ehlo = { .size_limit = 0 };
	enum reply_step step;

	do {
		struct reply cut = reply;
		struct slice words;
		size_t used, cut_used;

		step = reply_take(&reply, input, &used, &words);
		check(&reply, step);
		if (used > input.length || (used == 0) != (step == REPLY_INCOMPLETE || (step == REPLY_ENDLESS && reply.bytes == cut.bytes)))
			abort();
		/* A line is the same when nothing stands behind it. */
		if (used > 0 && reply_take(&cut, slice_first(input, used), &cut_used, &words) != step)
			abort();
		ehlo_take(&ehlo, words);
		input = slice_from(input, used);
		if (step == REPLY_WHOLE)
			reply = (struct reply){ .code = 0 };
	} while (step == REPLY_MORE || step == REPLY_WHOLE);
	return 0;
}
