/*
 * Fuzzes the conversion of binary messages. Cut anywhere, a message gives the same result; what comes out is made
 * of lines; and a second, naive reader finds the same parts with the same bytes in it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/mail/mime.h"
#include "t/unit/mime_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 4 }; /* bytes of the input that say how the rest is cut */

/* Converts INPUT in pieces whose lengths come from STEPS; all at once without. */
static int
convert(struct slice input, struct slice steps, struct buffer *out)
{
	struct mime *mime = mime_new();
	size_t step = 0;
	int error = 0;

	buffer_init(out, 1 << 24);
	while (input.length > 0) {
		size_t length = steps.length == 0 ? input.length : 1 + ((unsigned char)steps.data[step++ % steps.length] & 31);
		size_t before = buffer_length(out);
		struct slice piece = slice_first(input, length);

		error = mime_convert(mime, piece, out);
		if (buffer_length(out) - before > MIME_OUTPUT_MAX(piece.length))
			abort();
		input = slice_from(input, length);
	}
	if (error == 0)
		error = mime_finish(mime, out);
	else if (mime_finish(mime, out) != error)
		abort();
	if ((error != 0) != (mime_problem(mime)[0] != '\0') || (error != 0 && error != -EBADMSG))
		abort();
	mime_free(&mime);
	return error;
}

static void
check_converted(struct slice input, struct slice output)
{
	struct buffer expected;
	struct buffer found;

	buffer_init(&expected, 1 << 24);
	buffer_init(&found, 1 << 24);
	reference_read(input, &expected);
	reference_read(output, &found);
	if (!slice_equal(buffer_slice(&expected), buffer_slice(&found)) || !reference_is_lines(output))
		abort();
	buffer_free(&expected);
	buffer_free(&found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_from(slice_of(data, size), STEPS);
	struct buffer whole;
	struct buffer pieces;
	int error;

	if (size < STEPS)
		return 0;
	error = convert(input, SLICE(""), &whole);
	if (convert(input, slice_of(data, STEPS), &pieces) != error)
		abort();
	if (error == 0) {
		if (!slice_equal(buffer_slice(&whole), buffer_slice(&pieces)))
			abort();
		check_converted(input, buffer_slice(&whole));
	}
	buffer_free(&whole);
	buffer_free(&pieces);
	return 0;
}
