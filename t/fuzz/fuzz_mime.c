/*
 * Fuzzes the conversions of messages, to lines and to 7bit. Cut anywhere, a message gives the same result; what comes out is made
 * of lines, or of 7-bit bytes; and a second, naive reader finds the same parts with the same bytes in it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/mail/mime.h"
#include "t/unit/mime_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 4 }; /* bytes of the input that say how the rest is cut */

/* How a message is cut: into pieces whose lengths come from STEPS; not at all without. */
struct cuts {
	struct slice steps;
	size_t step;
};

static struct slice
cut(struct cuts *cuts, struct slice *input)
{
	size_t length = input->length;
	struct slice piece;

	if (cuts->steps.length > 0)
		length = 1 + ((unsigned char)cuts->steps.data[cuts->step++ % cuts->steps.length] & 31);
	piece = slice_first(*input, length);
	*input = slice_from(*input, length);
	return piece;
}

/* Looks at INPUT for a conversion to 7bit. 0 or -EBADMSG. */
static int
scan(struct mime *mime, struct slice input, struct slice steps)
{
	struct cuts cuts = { .steps = steps };
	int error = 0;

	while (input.length > 0)
		error = mime_scan(mime, cut(&cuts, &input));
	if (error != 0 && mime_scan_end(mime) != error)
		abort();
	return error != 0 ? error : mime_scan_end(mime);
}

static int
convert(struct mime *mime, struct slice input, struct slice steps, bool to_7bit, struct buffer *out)
{
	struct cuts cuts = { .steps = steps };
	int error = 0;

	while (input.length > 0) {
		size_t before = buffer_length(out);
		struct slice piece = cut(&cuts, &input);

		error = mime_convert(mime, piece, out);
		if (buffer_length(out) - before > (to_7bit ? MIME_OUTPUT_7BIT_MAX(piece.length) : MIME_OUTPUT_MAX(piece.length)))
			abort();
	}
	if (error == 0)
		error = mime_finish(mime, out);
	else if (mime_finish(mime, out) != error)
		abort();
	return error;
}

static int
run(struct slice input, struct slice steps, bool to_7bit, struct buffer *out)
{
	struct mime *mime = to_7bit ? mime_new_7bit() : mime_new();
	int error = to_7bit ? scan(mime, input, steps) : 0;

	buffer_init(out, 1 << 24);
	if (error == 0) {
		error = convert(mime, input, steps, to_7bit, out);
		/* The scan has promised that it works. */
		if (to_7bit && error != 0)
			abort();
	}
	if ((error != 0) != (mime_problem(mime)[0] != '\0') || (error != 0 && error != -EBADMSG))
		abort();
	mime_free(&mime);
	return error;
}

static void
check_converted(struct slice input, struct slice output, bool to_7bit)
{
	struct buffer expected;
	struct buffer found;

	buffer_init(&expected, 1 << 24);
	buffer_init(&found, 1 << 24);
	reference_read(input, &expected);
	reference_read(output, &found);
	if (!slice_equal(buffer_slice(&expected), buffer_slice(&found)) || !reference_is_lines(output))
		abort();
	if (to_7bit && !mime_is_7bit(output))
		abort();
	buffer_free(&expected);
	buffer_free(&found);
}

static void
check(struct slice input, struct slice steps, bool to_7bit)
{
	struct buffer whole;
	struct buffer pieces;
	int error = run(input, SLICE(""), to_7bit, &whole);

	if (run(input, steps, to_7bit, &pieces) != error)
		abort();
	if (error == 0) {
		if (!slice_equal(buffer_slice(&whole), buffer_slice(&pieces)))
			abort();
		check_converted(input, buffer_slice(&whole), to_7bit);
	}
	buffer_free(&whole);
	buffer_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_from(slice_of(data, size), STEPS);

	if (size < STEPS)
		return 0;
	check(input, slice_of(data, STEPS), false);
	check(input, slice_of(data, STEPS), true);
	return 0;
}
