/*
 * Composes one line of the log. Whatever bytes a value holds, the line stays one line of printable ASCII, and a
 * value cannot pass for two fields.
 */
#include "common/base/log_line.h"

#include <limits.h>
#include <string.h>

/* Kept free for the mark of what was left out, the closing quote and the line end. */
enum { TAIL = sizeof("...\"\n") - 1 };

void
log_line_begin(struct log_line *line)
{
	line->length = 0;
	line->full = line->marked = false;
}

/* All of it or nothing. */
static void
put(struct log_line *line, const char *bytes, size_t length)
{
	/* Written as a sum: a closing quote may already stand in the tail. */
	if (line->full || line->length + length > sizeof(line->data) - TAIL) {
		line->full = true;
		return;
	}
	memcpy(line->data + line->length, bytes, length);
	line->length += length;
}

/* Into the tail that was kept free. */
static void
put_tail(struct log_line *line, const char *bytes, size_t length)
{
	if (length > sizeof(line->data) - line->length)
		return;
	memcpy(line->data + line->length, bytes, length);
	line->length += length;
}

static void
put_mark(struct log_line *line)
{
	if (!line->marked)
		put_tail(line, "...", 3);
	line->marked = true;
}

void
log_line_raw(struct log_line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* What a value may hold without being quoted: a reader that splits at blanks and at the first "=" gets it right. */
static bool
is_plain(unsigned char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte != '\0' && strchr("._:/@+<>,=-[]*%~", byte) != NULL);
}

static bool
is_all_plain(struct slice value)
{
	for (size_t i = 0; i < value.length; i++)
		if (!is_plain((unsigned char)value.data[i]))
			return false;
	return value.length > 0;
}

static void
put_escaped(struct log_line *line, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	char escaped[4] = { '\\', 'x', digits[byte >> 4], digits[byte & 15] };

	if (byte == '"' || byte == '\\')
		put(line, (char[]){ '\\', (char)byte }, 2);
	else if (byte < ' ' || byte > '~')
		put(line, escaped, sizeof(escaped));
	else
		put(line, (const char *)&byte, 1);
}

static void
put_value(struct log_line *line, struct slice value)
{
	struct slice shown = slice_first(value, LOG_VALUE_MAX);

	if (shown.length == value.length && is_all_plain(value)) {
		put(line, value.data, value.length);
		return;
	}
	put(line, "\"", 1);
	if (line->full)
		return;
	for (size_t i = 0; i < shown.length && !line->full; i++)
		put_escaped(line, (unsigned char)shown.data[i]);
	if (shown.length < value.length)
		put(line, "...", 3);
	if (line->full)
		put_mark(line);
	put_tail(line, "\"", 1);
}

static void
put_number(struct log_line *line, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(line, digits + at, sizeof(digits) - at);
}

static void
put_signed(struct log_line *line, int64_t number)
{
	if (number >= 0) {
		put_number(line, (uint64_t)number);
		return;
	}
	put(line, "-", 1);
	put_number(line, -(uint64_t)number);
}

static void
put_error(struct log_line *line, int64_t error)
{
	int64_t number = error < 0 ? -error : error;
	const char *text = number > INT_MAX ? NULL : strerrordesc_np((int)number);

	put_value(line, slice_from_string(text == NULL ? "unknown error" : text));
}

void
log_line_field(struct log_line *line, const struct log_field *field)
{
	if (line->full || field->kind == LOG_KIND_SKIP)
		return;
	put(line, " ", 1);
	log_line_raw(line, field->key);
	put(line, "=", 1);
	switch (field->kind) {
	case LOG_KIND_SLICE:
		put_value(line, field->text);
		break;
	case LOG_KIND_UINT:
		put_number(line, field->number);
		break;
	case LOG_KIND_INT:
		put_signed(line, (int64_t)field->number);
		break;
	case LOG_KIND_ERROR:
		put_error(line, (int64_t)field->number);
		break;
	case LOG_KIND_SKIP:
	case LOG_KIND_END:
		break;
	}
}

void
log_line_end(struct log_line *line)
{
	if (line->full)
		put_mark(line);
	put_tail(line, "\n", 1);
}
