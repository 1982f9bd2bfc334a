/*
 * Command lines. A line ends with CRLF and with nothing else (RFC 5321 2.3.8), so that what another server took
 * for one line is never taken for two here.
 */
#include "smtpd/command.h"

#include <errno.h>

enum command_line
command_cut(struct slice input, struct slice *line_r, size_t *used_r)
{
	struct slice window = slice_first(input, COMMAND_LINE_MAX);
	size_t end = slice_find(window, '\n');

	*used_r = 0;
	*line_r = SLICE("");
	if (end == window.length)
		return input.length < COMMAND_LINE_MAX ? COMMAND_LINE_MORE : COMMAND_LINE_TOO_LONG;
	*used_r = end + 1;
	if (end == 0 || window.data[end - 1] != '\r')
		return COMMAND_LINE_BARE_LF;
	*line_r = slice_first(window, end - 1);
	return COMMAND_LINE_WHOLE;
}

size_t
command_skip(struct slice input, bool *end_r)
{
	const char *end = input.length == 0 ? NULL : memmem(input.data, input.length, "\r\n", 2);

	*end_r = end != NULL;
	if (end != NULL)
		return (size_t)(end - input.data) + 2;
	/* A carriage return at the end may be half of what is looked for. */
	if (input.length > 0 && input.data[input.length - 1] == '\r')
		return input.length - 1;
	return input.length;
}

static bool
is_control(unsigned char c)
{
	return c < ' ' || c == 127;
}

int
command_parse(struct slice line, struct command *command_r)
{
	bool eight_bit = false;

	line = slice_trim(line);
	for (size_t i = 0; i < line.length; i++) {
		unsigned char c = (unsigned char)line.data[i];

		if (is_control(c))
			return -EINVAL;
		eight_bit |= c > 127;
	}
	command_r->verb = slice_word(&line);
	command_r->arguments = slice_trim(line);
	command_r->eight_bit = eight_bit;
	return 0;
}

bool
command_take_keyword(struct slice *rest, struct slice keyword)
{
	if (!slice_starts_nocase(*rest, keyword))
		return false;
	*rest = slice_trim(slice_from(*rest, keyword.length));
	return true;
}

static bool
is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-") */
static bool
is_keyword(struct slice s)
{
	if (s.length == 0 || s.data[0] == '-')
		return false;
	for (size_t i = 0; i < s.length; i++)
		if (!is_alphanumeric(s.data[i]) && s.data[i] != '-')
			return false;
	return true;
}

/* esmtp-value = 1*(%d33-60 / %d62-126), and UTF-8 (RFC 6531 3.3) */
static bool
is_value(struct slice s)
{
	if (s.length == 0)
		return false;
	for (size_t i = 0; i < s.length; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c <= ' ' || c == '=' || c == 127)
			return false;
	}
	return true;
}

int
command_take_parameter(struct slice *rest, struct command_parameter *parameter_r)
{
	struct slice word = slice_word(rest);
	size_t equals;

	if (word.length == 0)
		return 0;
	equals = slice_find(word, '=');
	parameter_r->has_value = equals < word.length;
	parameter_r->keyword = slice_first(word, equals);
	parameter_r->value = slice_from(word, equals + 1);
	if (!is_keyword(parameter_r->keyword))
		return -EINVAL;
	if (parameter_r->has_value && !is_value(parameter_r->value))
		return -EINVAL;
	return 1;
}
