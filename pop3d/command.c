/*
 * Command lines of POP3 taken apart. Pure functions on buffers; nothing here is fatal.
 */
#include "pop3d/command.h"

#include <errno.h>

#include "common/base/utf8.h"

static enum command_result
check_text(struct slice line)
{
	for (size_t i = 0; i < line.length; i++) {
		unsigned char byte = (unsigned char)line.data[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
			return COMMAND_CONTROL;
	}
	return utf8_valid(line) ? COMMAND_READY : COMMAND_NOT_UTF8;
}

static enum command_result
take_apart(struct slice line, struct command *command_r)
{
	enum command_result result = check_text(line);
	size_t blank = 0;

	if (result != COMMAND_READY)
		return result;
	while (blank < line.length && line.data[blank] != ' ' && line.data[blank] != '\t')
		blank++;
	command_r->verb = slice_first(line, blank);
	command_r->argument = slice_from(line, blank + 1);
	return COMMAND_READY;
}

/* Everything in INPUT belongs to a line that has not ended. */
static size_t
unfinished(struct slice input, bool *skipping, enum command_result *result_r)
{
	*result_r = COMMAND_NONE;
	if (*skipping)
		return input.length;
	if (input.length < COMMAND_LINE_MAX)
		return 0;
	*skipping = true;
	*result_r = COMMAND_TOO_LONG;
	return input.length;
}

size_t
command_next(struct slice input, bool *skipping, struct command *command_r, enum command_result *result_r)
{
	size_t used = 0;

	for (;;) {
		struct slice line = slice_from(input, used);
		size_t end = slice_find(line, '\n');
		bool skipped = *skipping;

		if (end == line.length)
			return used + unfinished(line, skipping, result_r);
		used += end + 1;
		*skipping = false;
		if (skipped)
			continue; /* it was answered when it became too long */
		line = slice_first(line, end);
		if (end + 1 > COMMAND_LINE_MAX) {
			*result_r = COMMAND_TOO_LONG;
			return used;
		}
		if (line.length > 0 && line.data[line.length - 1] == '\r')
			line.length--;
		*result_r = take_apart(line, command_r);
		return used;
	}
}

struct slice
command_complaint(enum command_result result)
{
	switch (result) {
	case COMMAND_TOO_LONG:
		return SLICE("-ERR the line is longer than 255 bytes\r\n");
	case COMMAND_CONTROL:
		return SLICE("-ERR control characters are not allowed in a command\r\n");
	case COMMAND_NOT_UTF8:
		return SLICE("-ERR bytes above 127 must be UTF-8\r\n");
	case COMMAND_NONE:
	case COMMAND_READY:
		break;
	}
	return SLICE("-ERR unknown command\r\n");
}

int
command_number(struct slice *arguments, uint64_t *number_r)
{
	return slice_to_number(slice_word(arguments), UINT64_MAX, number_r) == 0 ? 0 : -EINVAL;
}

bool
command_end(struct slice arguments)
{
	return slice_trim(arguments).length == 0;
}
