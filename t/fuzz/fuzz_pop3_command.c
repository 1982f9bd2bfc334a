/*
 * Commands of POP3: however the input is cut, the same commands and complaints come out, and slices stay
 * inside of it.
 */
#include <stdlib.h>

#include "pop3d/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_inside(struct slice part, struct slice whole)
{
	if (part.length > 0 && (part.data < whole.data || part.data + part.length > whole.data + whole.length))
		abort();
}

/* Everything that comes out of INPUT, as one number; at most PIECE bytes become visible at a time. */
static uint64_t
digest(struct slice input, size_t piece)
{
	uint64_t sum = 0;
	size_t start = 0;
	size_t seen = 0;
	bool skipping = false;

	for (;;) {
		struct slice visible = slice_first(slice_from(input, start), seen - start);
		struct command command;
		enum command_result result;
		size_t used = command_next(visible, &skipping, &command, &result);

		if (used > visible.length)
			abort();
		if (result == COMMAND_READY) {
			uint64_t number = 0;
			struct slice arguments = command.argument;

			check_inside(command.verb, slice_first(visible, used));
			check_inside(command.argument, slice_first(visible, used));
			command_number(&arguments, &number);
			sum = sum * 31 + command.verb.length * 7 + command.argument.length + number;
		}
		if (result != COMMAND_NONE)
			sum = sum * 31 + (uint64_t)result;
		start += used;
		if (result != COMMAND_NONE)
			continue;
		if (seen == input.length)
			return sum;
		seen = input.length - seen < piece ? input.length : seen + piece;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input;
	uint64_t expected;

	if (size < 1)
		return 0;
	input = slice_of(data + 1, size - 1);
	expected = digest(input, 1);
	if (digest(input, (size_t)data[0] + 1) != expected || digest(input, size) != expected)
		abort();
	return 0;
}
