/*
 * The addresses in a From: field: a scanner over its tokens.
 *
 * The text of an address is gathered without blanks and comments. A "<" makes what was gathered before a display name, a ":" outside of
 * brackets the name of a group.
 */
#include "common/mail/originator.h"

#include <errno.h>

#include "common/mail/address.h"

enum {
	TEXT_MAX = ADDRESS_PATH_MAX, /* bytes of an address with its quotes */
	DEPTH_MAX = 32,              /* comments in comments */
};

struct originator {
	struct slice rest;
	char text[TEXT_MAX];
	size_t length;
	bool overflow; /* TEXT is too long for an address, but perhaps a display name */
	bool angle;    /* within "<" and ">" */
	bool done;     /* after ">" */
	bool apart;    /* two words without a dot between them: a display name, and no address */
	bool blank;    /* there was a blank or a comment since the last character */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
originator_put(struct originator *state, char c)
{
	if (state->length == sizeof(state->text))
		state->overflow = true;
	else
		state->text[state->length++] = c;
}

/* A character of a word or between words. */
static void
originator_word(struct originator *state, char c)
{
	char before = state->length == 0 ? '.' : state->text[state->length - 1];

	if (state->blank && c != '.' && c != '@' && before != '.' && before != '@')
		state->apart = true;
	state->blank = false;
	originator_put(state, c);
}

/* Passes over "(...)" at the beginning of the rest. False when it does not end. */
static bool
originator_comment(struct originator *state)
{
	size_t depth = 0;

	for (size_t i = 0; i < state->rest.length; i++) {
		char c = state->rest.data[i];

		if (c == '\\')
			i++;
		else if (c == '(' && ++depth > DEPTH_MAX)
			return false;
		else if (c == ')' && --depth == 0) {
			state->rest = slice_from(state->rest, i + 1);
			state->blank = true;
			return true;
		}
	}
	return false;
}

/* Takes a quoted string, or a domain literal, up to CLOSE; it stays as it is, but for folding. */
static bool
originator_quoted(struct originator *state, char close)
{
	originator_word(state, state->rest.data[0]);
	for (size_t i = 1; i < state->rest.length; i++) {
		char c = state->rest.data[i];

		if (c == '\r' || c == '\n')
			continue;
		originator_put(state, c);
		if (c == '\\' && close == '"' && i + 1 < state->rest.length) {
			originator_put(state, state->rest.data[++i]);
		} else if (c == close) {
			state->rest = slice_from(state->rest, i + 1);
			return true;
		}
	}
	return false;
}

static void
originator_forget(struct originator *state)
{
	state->length = 0;
	state->overflow = state->apart = state->blank = false;
}

/* A character that divides. 0, 1 when a mailbox ends here, or -EINVAL. */
static int
originator_special(struct originator *state, char c)
{
	switch (c) {
	case '<':
		if (state->angle || state->done)
			return -EINVAL;
		state->angle = true;
		originator_forget(state);
		return 0;
	case '>':
		if (!state->angle)
			return -EINVAL;
		state->angle = false;
		state->done = true;
		return 0;
	case ':': /* the end of a route, or of a group's name */
		if (state->done || (state->angle && (state->length == 0 || state->text[0] != '@')))
			return -EINVAL;
		originator_forget(state);
		return 0;
	default: /* "," and ";" */
		if (!state->angle)
			return 1;
		if (c == ';' || state->length == 0 || state->text[0] != '@')
			return -EINVAL;
		originator_forget(state);
		return 0;
	}
}

/* 0, 1 when a mailbox ends here, or -EINVAL. */
static int
originator_step(struct originator *state)
{
	char c = state->rest.data[0];

	if (c == '(')
		return originator_comment(state) ? 0 : -EINVAL;
	if (c == '"' || c == '[')
		return !state->done && originator_quoted(state, c == '"' ? '"' : ']') ? 0 : -EINVAL;
	state->rest = slice_from(state->rest, 1);
	if (is_blank(c)) {
		state->blank = true;
		return 0;
	}
	if (c == '<' || c == '>' || c == ':' || c == ',' || c == ';')
		return originator_special(state, c);
	if (state->done || (unsigned char)c < ' ' || c == 127 || c == ')' || c == ']' || c == '\\')
		return -EINVAL;
	originator_word(state, c);
	return 0;
}

/* What was gathered: 1, 0 (nothing), or -EINVAL. */
static int
originator_text(const struct originator *state, char *out)
{
	if (state->angle)
		return -EINVAL;
	if (state->length == 0 && !state->done)
		return 0;
	if (state->overflow || state->apart || state->length == 0)
		return -EINVAL;
	memcpy(out, state->text, state->length);
	out[state->length] = '\0';
	return memchr(state->text, '\0', state->length) == NULL ? 1 : -EINVAL;
}

int
originator_next_text(struct slice *rest, char *out)
{
	int result = 0;

	while (result == 0 && rest->length > 0) {
		struct originator state = { .rest = *rest };
		int step = 0;

		while (step == 0 && state.rest.length > 0)
			step = originator_step(&state);
		*rest = state.rest;
		result = step < 0 ? step : originator_text(&state, out);
	}
	return result;
}

int
originator_next(struct slice *rest, char *out)
{
	char text[ORIGINATOR_TEXT_SIZE];
	struct address address;
	int result = originator_next_text(rest, text);

	if (result != 1)
		return result;
	if (address_parse_mailbox(slice_from_string(text), ADDRESS_UTF8, &address) != ADDRESS_OK)
		return -EINVAL;
	address_format(&address, out);
	return 1;
}
