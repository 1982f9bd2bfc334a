/*
 * Replies of a server: code, enhanced status code (RFC 2034, RFC 3463) and words.
 */
#include "relayd/reply.h"

#include <stdio.h>

#include "common/base/utf8.h"

enum { CODE_LENGTH = 3 }; /* digits */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes one to three digits off the beginning. */
static bool
take_digits(struct slice *rest)
{
	size_t length = 0;

	while (length < 3 && length < rest->length && is_digit(rest->data[length]))
		length++;
	*rest = slice_from(*rest, length);
	return length > 0;
}

static bool
take_dot(struct slice *rest)
{
	if (rest->length == 0 || rest->data[0] != '.')
		return false;
	*rest = slice_from(*rest, 1);
	return true;
}

/* The enhanced status code that WORDS begin with, or an empty slice. Its class must be that of CODE (RFC 2034 4). */
static struct slice
find_status(struct slice words, unsigned code)
{
	struct slice rest = slice_from(words, 1);

	if (words.length == 0 || words.data[0] != (char)('0' + code / 100))
		return SLICE("");
	if (!take_dot(&rest) || !take_digits(&rest) || !take_dot(&rest) || !take_digits(&rest))
		return SLICE("");
	if (rest.length > 0 && rest.data[0] != ' ')
		return SLICE("");
	return slice_first(words, words.length - rest.length);
}

/* The code that LINE begins with, or 0. It stands alone, or before a blank or a hyphen (RFC 5321 4.2). */
static unsigned
find_code(struct slice line)
{
	unsigned code = 0;

	if (line.length < CODE_LENGTH || line.data[0] < '2' || line.data[0] > '5')
		return 0;
	for (size_t i = 0; i < CODE_LENGTH; i++) {
		if (!is_digit(line.data[i]))
			return 0;
		code = code * 10 + (unsigned)(line.data[i] - '0');
	}
	if (line.length > CODE_LENGTH && line.data[CODE_LENGTH] != ' ' && line.data[CODE_LENGTH] != '-')
		return 0;
	return code;
}

static void
append_text(struct reply *reply, struct slice words)
{
	while (words.length > 0) {
		size_t length = utf8_character(words);
		struct slice character = slice_first(words, length == 0 ? 1 : length);

		words = slice_from(words, character.length);
		if (length == 0 || !utf8_is_printable(character))
			character = SLICE("?");
		if (reply->length + character.length >= sizeof(reply->text))
			return;
		memcpy(reply->text + reply->length, character.data, character.length);
		reply->length += character.length;
		reply->text[reply->length] = '\0';
	}
}

static void
begin_text(struct reply *reply, struct slice words)
{
	int length = snprintf(reply->text, sizeof(reply->text), "%u%s", reply->code, words.length > 0 ? " " : "");

	if (length > 0)
		reply->length = (size_t)length;
	append_text(reply, words);
	slice_to_string(find_status(words, reply->code), reply->status, sizeof(reply->status));
}

/* Further lines follow behind a blank; they repeat the status code (RFC 2034 4), and a reader need not. */
static void
continue_text(struct reply *reply, struct slice words)
{
	struct slice status = find_status(words, reply->code);

	if (slice_equal(status, slice_from_string(reply->status)))
		words = slice_trim(slice_from(words, status.length));
	if (words.length > 0)
		append_text(reply, SLICE(" "));
	append_text(reply, words);
}

enum reply_step
reply_take(struct reply *reply, struct slice input, size_t *used_r, struct slice *words_r)
{
	size_t end = slice_find(slice_first(input, REPLY_LINE_MAX), '\n');
	struct slice line = slice_first(input, end);
	unsigned code;
	bool last;

	*used_r = 0;
	*words_r = SLICE("");
	if (end == input.length)
		return end < REPLY_LINE_MAX ? REPLY_INCOMPLETE : REPLY_ENDLESS;
	if (end == REPLY_LINE_MAX)
		return REPLY_ENDLESS;
	*used_r = end + 1;
	reply->bytes += end + 1;
	if (reply->bytes > REPLY_BYTES_MAX || reply->lines == REPLY_LINES_MAX)
		return REPLY_ENDLESS;
	if (line.length > 0 && line.data[line.length - 1] == '\r')
		line.length--;
	code = find_code(line);
	if (code == 0 || (reply->lines > 0 && code != reply->code))
		return REPLY_MALFORMED;
	last = line.length == CODE_LENGTH || line.data[CODE_LENGTH] == ' ';
	*words_r = slice_trim(slice_from(line, CODE_LENGTH + 1));
	reply->code = code;
	if (reply->lines++ == 0)
		begin_text(reply, *words_r);
	else
		continue_text(reply, *words_r);
	return last ? REPLY_WHOLE : REPLY_MORE;
}

void
reply_status(const struct reply *reply, char out[REPLY_STATUS_SIZE])
{
	if (reply->status[0] != '\0')
		memcpy(out, reply->status, REPLY_STATUS_SIZE);
	else
		snprintf(out, REPLY_STATUS_SIZE, "%u.0.0", reply->code / 100 % 10);
}
