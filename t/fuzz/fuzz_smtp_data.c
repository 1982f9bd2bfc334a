/*
 * DATA: cut anywhere, it must give the same text, the same faults and the same header section; and it must end
 * exactly at the first CRLF "." CRLF (or "." CRLF at the beginning).
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/base/buffer.h"
#include "smtpd/data.h"
#include "smtpd/headers.h"
#include "smtpd/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	struct data data;
	struct text text;
	struct headers headers;
	struct buffer out;
	size_t used;
};

static void
pass(struct result *result, struct slice piece)
{
	size_t used = 0;

	text_check(&result->text, piece);
	if (result->headers.state != HEADERS_DONE && headers_pass(&result->headers, piece, &result->out, &used) != 0)
		abort();
	if (result->headers.state != HEADERS_DONE)
		return;
	buffer_append_slice(&result->out, headers_held(&result->headers));
	result->headers.held_length = 0;
	buffer_append_slice(&result->out, slice_from(piece, used));
}

/* Decodes INPUT in pieces whose lengths come from STEPS. */
static void
decode(struct result *result, struct slice input, struct slice steps)
{
	size_t step = 0;

	data_begin(&result->data);
	text_begin(&result->text);
	headers_begin(&result->headers);
	buffer_init(&result->out, 1 << 24);
	result->used = 0;
	while (result->used < input.length && !data_ended(&result->data)) {
		size_t length = steps.length == 0 ? input.length : 1 + ((unsigned char)steps.data[step++ % steps.length] & 15);
		struct slice part = slice_first(slice_from(input, result->used), length);
		size_t at = 0;

		while (at < part.length && !data_ended(&result->data)) {
			struct slice piece;

			at += data_decode(&result->data, slice_from(part, at), &piece);
			pass(result, piece);
		}
		result->used += at;
	}
	text_end(&result->text);
	buffer_append_slice(&result->out, headers_held(&result->headers));
}

/* How long the data are by the letter of RFC 5321 4.1.1.4; 0: they have not ended. */
static size_t
true_end(struct slice input)
{
	const char *at;

	if (input.length >= 3 && memcmp(input.data, ".\r\n", 3) == 0)
		return 3;
	at = input.length == 0 ? NULL : memmem(input.data, input.length, "\r\n.\r\n", 5);
	return at == NULL ? 0 : (size_t)(at - input.data) + 5;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice steps = slice_first(slice_of(data, size), 4);
	struct slice input = slice_from(slice_of(data, size), 4);
	struct result whole;
	struct result split;
	size_t end = true_end(input);

	decode(&whole, input, SLICE(""));
	decode(&split, input, steps);
	if (data_ended(&whole.data) != (end != 0) || (end != 0 && whole.used != end))
		abort();
	if (whole.used != split.used || whole.data.state != split.data.state || whole.text.faults != split.text.faults ||
	    whole.text.eight_bit != split.text.eight_bit || !slice_equal(buffer_slice(&whole.out), buffer_slice(&split.out)))
		abort();
	if (whole.headers.received != split.headers.received || whole.headers.date != split.headers.date ||
	    whole.headers.message_id != split.headers.message_id || whole.headers.fields != split.headers.fields)
		abort();
	if (buffer_length(&whole.out) > input.length)
		abort();
	buffer_free(&whole.out);
	buffer_free(&split.out);
	return 0;
}
