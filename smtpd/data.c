/*
 * The framing of DATA: a state machine that looks closely only at the beginnings of lines.
 */
#include "smtpd/data.h"

void
data_begin(struct data *data)
{
	data->state = DATA_LINE_START;
}

/* The text up to the next dot that begins a line, or all. INPUT does not begin at a line's start. */
static size_t
text_length(enum data_state state, struct slice input)
{
	size_t at = 0;

	for (;;) {
		at += slice_find(slice_from(input, at), '.');
		if (at >= input.length)
			return input.length;
		if (at >= 2 && input.data[at - 2] == '\r' && input.data[at - 1] == '\n')
			return at;
		if (at == 1 && state == DATA_CR && input.data[0] == '\n')
			return at;
		at++;
	}
}

static enum data_state
state_after(enum data_state state, struct slice text)
{
	bool cr_before = text.length >= 2 ? text.data[text.length - 2] == '\r' : state == DATA_CR;

	switch (text.data[text.length - 1]) {
	case '\r':
		return DATA_CR;
	case '\n':
		return cr_before ? DATA_LINE_START : DATA_TEXT;
	default:
		return DATA_TEXT;
	}
}

static size_t
decode_text(struct data *data, struct slice input, struct slice *piece_r)
{
	*piece_r = slice_first(input, text_length(data->state, input));
	data->state = state_after(data->state, *piece_r);
	return piece_r->length;
}

size_t
data_decode(struct data *data, struct slice input, struct slice *piece_r)
{
	*piece_r = SLICE("");
	if (input.length == 0)
		return 0;
	switch (data->state) {
	case DATA_LINE_START:
		if (input.data[0] != '.')
			break;
		data->state = DATA_DOT;
		return 1;
	case DATA_DOT:
		/* RFC 5321 4.5.2: the first dot of a line that holds more than it is taken away. */
		data->state = DATA_TEXT;
		if (input.data[0] != '\r')
			break;
		data->state = DATA_DOT_CR;
		return 1;
	case DATA_DOT_CR:
		if (input.data[0] == '\n') {
			data->state = DATA_END;
			return 1;
		}
		/* Not the end: the carriage return was text. */
		*piece_r = SLICE("\r");
		data->state = DATA_CR;
		return 0;
	case DATA_END:
		return 0;
	case DATA_TEXT:
	case DATA_CR:
		break;
	}
	return decode_text(data, input, piece_r);
}
