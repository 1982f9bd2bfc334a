/*
 * Messages as multi-line responses: however the message is cut, the response is the same, can be undone, and
 * ends where it should.
 */
#include <stdlib.h>

#include "pop3d/multiline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice
transform(struct multiline *multiline, struct slice message, size_t piece)
{
	char *out = malloc(MULTILINE_GROWTH * message.length + MULTILINE_END_SIZE);
	size_t length = 0;

	if (out == NULL)
		abort();
	for (size_t at = 0; at < message.length && !multiline->done; at += piece) {
		struct slice part = slice_first(slice_from(message, at), piece);
		size_t wrote = multiline_put(multiline, part, out + length);

		if (wrote > MULTILINE_GROWTH * part.length)
			abort();
		length += wrote;
	}
	length += multiline_end(multiline, out + length);
	return slice_of(out, length);
}

/* What a client makes of RESPONSE must end exactly at its end. Returns the octets of the message in it. */
static uint64_t
check_response(struct slice response)
{
	uint64_t octets = 0;

	for (;;) {
		size_t end = slice_find(response, '\n');

		if (end == response.length || end == 0 || response.data[end - 1] != '\r')
			abort();
		if (end == 2 && response.data[0] == '.') {
			if (response.length != end + 1)
				abort();
			return octets;
		}
		octets += end + 1 - (response.data[0] == '.' ? 1 : 0);
		response = slice_from(response, end + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice message;
	struct multiline pieces, whole, counted;
	struct slice a, b;
	uint64_t octets;

	if (size < 2)
		return 0;
	message = slice_of(data + 2, size - 2);
	pieces = (data[0] & 1) != 0 ? multiline_top(data[0] >> 1) : multiline_all();
	whole = pieces;
	counted = multiline_all();
	a = transform(&pieces, message, (size_t)data[1] + 1);
	b = transform(&whole, message, size);
	if (!slice_equal(a, b) || pieces.octets != whole.octets)
		abort();
	octets = check_response(a);
	if (octets < pieces.octets || octets > pieces.octets + 2)
		abort();
	for (size_t at = 0; at < message.length; at += (size_t)data[1] + 1)
		multiline_count(&counted, slice_first(slice_from(message, at), (size_t)data[1] + 1));
	if (!pieces.limited && counted.octets != pieces.octets)
		abort();
	free((void *)(uintptr_t)a.data);
	free((void *)(uintptr_t)b.data);
	return 0;
}
