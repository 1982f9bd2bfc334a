/*
 * The header section, while it streams by. A line is undecided from its first byte up to the colon of a field
 * (RFC 5322 2.2) or to the byte that no field can have; what of it has arrived is held back, so that fields can
 * still be added before it.
 */
#include "smtpd/headers.h"

void
headers_begin(struct headers *headers)
{
	*headers = (struct headers){ .state = HEADERS_LINE_START };
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ftext = %d33-57 / %d59-126 (RFC 5322 3.6.8) */
static bool
is_name_character(char c)
{
	return c > ' ' && c < 127 && c != ':';
}

/* The first byte of a line. */
static enum headers_state
step_line_start(struct headers *headers, char c)
{
	headers->name_length = 1;
	if (is_blank(c) && headers->fields)
		return HEADERS_LINE;
	headers->empty_line = c == '\r';
	return is_name_character(c) ? HEADERS_NAME : HEADERS_DONE;
}

static enum headers_state
step_name(struct headers *headers, char c)
{
	if (c == ':')
		return HEADERS_LINE;
	if (is_blank(c))
		return HEADERS_NAME_BLANK;
	headers->name_length++;
	return is_name_character(c) ? HEADERS_NAME : HEADERS_DONE;
}

static enum headers_state
step(struct headers *headers, char c)
{
	switch (headers->state) {
	case HEADERS_LINE_START:
		return step_line_start(headers, c);
	case HEADERS_NAME:
		return step_name(headers, c);
	case HEADERS_NAME_BLANK:
		if (c == ':')
			return HEADERS_LINE;
		return is_blank(c) ? HEADERS_NAME_BLANK : HEADERS_DONE;
	case HEADERS_LINE:
	case HEADERS_DONE:
		break;
	}
	return headers->state;
}

static void
note_field(struct headers *headers, struct slice name)
{
	headers->fields = true;
	if (slice_equal_nocase(name, SLICE("Received")))
		headers->received++;
	else if (slice_equal_nocase(name, SLICE("Date")))
		headers->date = true;
	else if (slice_equal_nocase(name, SLICE("Message-ID")))
		headers->message_id = true;
}

static void
hold(struct headers *headers, struct slice bytes)
{
	if (bytes.length > 0)
		memcpy(headers->held + headers->held_length, bytes.data, bytes.length);
	headers->held_length += bytes.length;
}

/*
 * Looks at the undecided line of which LINE is what this input holds. Returns how many of its bytes were looked
 * at; all, when it is still undecided.
 */
static size_t
decide(struct headers *headers, struct slice line)
{
	size_t at = 0;

	while (at < line.length) {
		bool first = headers->state == HEADERS_LINE_START;

		if (headers->held_length + at + 1 >= HEADERS_NAME_MAX)
			headers->state = HEADERS_DONE;
		else
			headers->state = step(headers, line.data[at++]);
		if (headers->state == HEADERS_LINE && !first) {
			char name[HEADERS_NAME_MAX];

			memcpy(name, headers->held, headers->held_length);
			memcpy(name + headers->held_length, line.data, at);
			note_field(headers, slice_of(name, headers->name_length));
		}
		if (headers->state == HEADERS_LINE || headers->state == HEADERS_DONE)
			break;
	}
	return at;
}

int
headers_pass(struct headers *headers, struct slice input, struct buffer *out, size_t *used_r)
{
	size_t at = 0;   /* looked at */
	size_t line = 0; /* where the undecided line begins */
	int error = 0;

	while (at < input.length && headers->state != HEADERS_DONE) {
		if (headers->state != HEADERS_LINE) {
			at += decide(headers, slice_from(input, line));
			if (headers->state != HEADERS_LINE)
				break;
			error = error != 0 ? error : buffer_append_slice(out, headers_held(headers));
			headers->held_length = 0;
		}
		at += slice_find(slice_from(input, at), '\n');
		line = at;
		if (at == input.length)
			break;
		line = ++at;
		headers->state = HEADERS_LINE_START;
	}
	error = error != 0 ? error : buffer_append_slice(out, slice_first(input, line));
	*used_r = line;
	if (headers->state != HEADERS_DONE && line < input.length) {
		hold(headers, slice_from(input, line));
		*used_r = input.length;
	}
	return error;
}
