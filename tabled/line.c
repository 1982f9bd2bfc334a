/*
 * The text of records, read.
 */
#include "tabled/line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum line_field {
	FIELD_KIND,
	FIELD_ENABLED,
	FIELD_PASSWORD,
	FIELD_PATH,
	FIELD_QUOTA,
	FIELD_SEND_AS,
	FIELD_SCRAM,
	FIELD_TO,
	FIELD_VIA,
	FIELD_TLS,
	FIELD_USER,
	FIELD_COUNT,
};

struct line_key {
	const char *word;
	unsigned nouns; /* bit 1 << enum admin_noun */
};

static const struct line_key keys[FIELD_COUNT] = {
	[FIELD_KIND] = { "kind", 1U << ADMIN_DOMAIN },
	[FIELD_ENABLED] = { "enabled", 1U << ADMIN_DOMAIN | 1U << ADMIN_USER | 1U << ADMIN_ALIAS },
	[FIELD_PASSWORD] = { "password", 1U << ADMIN_USER | 1U << ADMIN_ROUTE },
	[FIELD_PATH] = { "path", 1U << ADMIN_USER },
	[FIELD_QUOTA] = { "quota", 1U << ADMIN_USER },
	[FIELD_SEND_AS] = { "send-as", 1U << ADMIN_USER },
	[FIELD_SCRAM] = { "scram", 1U << ADMIN_USER },
	[FIELD_TO] = { "to", 1U << ADMIN_ALIAS },
	[FIELD_VIA] = { "via", 1U << ADMIN_ROUTE },
	[FIELD_TLS] = { "tls", 1U << ADMIN_ROUTE },
	[FIELD_USER] = { "user", 1U << ADMIN_ROUTE },
};

/* The record that is being read. */
struct line_state {
	struct line *line;
	char *problem;
	unsigned seen; /* bit 1 << enum line_field */
	bool enabled;
	enum record_domain_kind kind;
	uint64_t quota;
	uint32_t count; /* of the list's items */
	enum route_tls tls;
};

void
line_init(struct line *line)
{
	for (size_t i = 0; i < LINE_BUFFERS; i++)
		buffer_init(&line->buffers[i], LINE_MAX_SIZE);
	buffer_init(&line->secrets.items, LINE_MAX_SIZE);
	line->secrets.count = 0;
}

void
line_free(struct line *line)
{
	for (size_t i = 0; i < LINE_BUFFERS; i++)
		buffer_free(&line->buffers[i]);
	buffer_free(&line->secrets.items);
}

static int
line_wrong(struct line_state *state, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int
line_wrong(struct line_state *state, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(state->problem, LINE_PROBLEM_SIZE, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int
line_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Replaces what is in OUT by IN with every %XX undone. */
static int
line_unescape(struct line_state *state, struct slice in, struct buffer *out)
{
	char *room;
	size_t used = 0;

	buffer_clear(out);
	if (buffer_reserve(out, in.length, &room) != 0)
		return line_wrong(state, "it is too long");
	for (size_t i = 0; i < in.length; i++) {
		int high, low;

		if (in.data[i] != '%') {
			room[used++] = in.data[i];
			continue;
		}
		high = i + 2 < in.length ? line_hex(in.data[i + 1]) : -1;
		low = i + 2 < in.length ? line_hex(in.data[i + 2]) : -1;
		if (high >= 0 && low >= 0) {
			room[used++] = (char)(high * 16 + low);
			i += 2;
			continue;
		}
		return line_wrong(
			state,
			"\"%%\" must be followed by two hexadecimal digits; a \"%%\" itself is written %%25");
	}
	buffer_commit(out, used);
	return 0;
}

/* "a,b,c" as a list of strings in OUT. */
static int
line_list(struct line_state *state, struct slice in, struct buffer *out)
{
	buffer_clear(out);
	while (in.length > 0) {
		size_t comma = slice_find(in, ',');
		int error = line_unescape(state, slice_first(in, comma), &state->line->buffers[LINE_WORD]);

		if (error != 0)
			return error;
		if (comma == 0 || comma + 1 == in.length)
			return line_wrong(state, "between two commas, or after the last, there is nothing");
		error = record_list_add(out, &state->count, buffer_slice(&state->line->buffers[LINE_WORD]));
		if (error != 0)
			return line_wrong(state,
			                  "the list has more than %d items, or one of more than %d bytes",
			                  RECORD_LIST_MAX, RECORD_ITEM_MAX);
		in = slice_from(in, comma + 1);
	}
	return 0;
}

int
line_parse_size(struct slice text, uint64_t *size_r)
{
	static const char units[] = "KMGT";
	unsigned shift = 0;
	uint64_t number;
	int error;

	if (slice_equal_nocase(text, SLICE("none"))) {
		*size_r = 0;
		return 0;
	}
	for (unsigned unit = 0; text.length > 0 && units[unit] != '\0'; unit++)
		if ((text.data[text.length - 1] & ~0x20) == units[unit])
			shift = 10 * (unit + 1);
	if (shift > 0)
		text = slice_first(text, text.length - 1);
	error = slice_to_number(text, UINT64_MAX >> 1 >> shift, &number);
	if (error == 0)
		*size_r = number << shift;
	return error;
}

static int
line_set(struct line_state *state, enum line_field field, struct slice value)
{
	struct line *line = state->line;

	switch (field) {
	case FIELD_KIND:
		state->kind = slice_equal(value, SLICE("relay")) ? RECORD_DOMAIN_RELAY : RECORD_DOMAIN_LOCAL;
		if (state->kind == RECORD_DOMAIN_RELAY || slice_equal(value, SLICE("local")))
			return 0;
		return line_wrong(state, "kind is local or relay");
	case FIELD_ENABLED:
		state->enabled = slice_equal(value, SLICE("yes"));
		if (state->enabled || slice_equal(value, SLICE("no")))
			return 0;
		return line_wrong(state, "enabled is yes or no");
	case FIELD_PASSWORD:
		return line_unescape(state, value, &line->buffers[LINE_FIRST]);
	case FIELD_PATH:
		return line_unescape(state, value, &line->buffers[LINE_SECOND]);
	case FIELD_QUOTA:
		if (line_parse_size(value, &state->quota) == 0)
			return 0;
		return line_wrong(state, "a quota looks like 500M, 2G or none");
	case FIELD_SEND_AS:
		return line_list(state, value, &line->buffers[LINE_THIRD]);
	case FIELD_SCRAM:
		if (line_parse_secrets(value, &line->secrets) == 0)
			return 0;
		return line_wrong(state, "scram is ITERATIONS:SALT,NAME:CREATED:STOREDKEY:SERVERKEY,...");
	case FIELD_VIA:
		return line_unescape(state, value, &line->buffers[LINE_SECOND]);
	case FIELD_TLS:
		if (line_parse_tls(value, &state->tls) == 0)
			return 0;
		return line_wrong(state, "tls is standard, off, required or verify");
	case FIELD_USER:
		return line_unescape(state, value, &line->buffers[LINE_THIRD]);
	default:
		return line_list(state, value, &line->buffers[LINE_FIRST]);
	}
}

static int
line_word(struct line_state *state, struct slice word)
{
	size_t equals = slice_find(word, '=');
	struct slice key = slice_first(word, equals);

	if (equals == word.length)
		return line_wrong(state, "\"%.*s\" has no value; fields look like quota=1G",
		                  (int)slice_first(word, 60).length, word.data);
	for (int field = 0; field < FIELD_COUNT; field++) {
		if (!slice_equal(key, slice_from_string(keys[field].word)) ||
		    (keys[field].nouns & 1U << state->line->record.noun) == 0)
			continue;
		if ((state->seen & 1U << field) != 0)
			return line_wrong(state, "%s stands there twice", keys[field].word);
		state->seen |= 1U << field;
		return line_set(state, (enum line_field)field, slice_from(word, equals + 1));
	}
	return line_wrong(state, "there is no field \"%.*s\" here", (int)slice_first(key, 60).length,
	                  key.data);
}

static int
line_noun(struct line_state *state, struct slice word)
{
	struct admin_record *record = &state->line->record;

	if (slice_equal(word, SLICE("domain")))
		record->noun = ADMIN_DOMAIN;
	else if (slice_equal(word, SLICE("user")))
		record->noun = ADMIN_USER;
	else if (slice_equal(word, SLICE("alias")))
		record->noun = ADMIN_ALIAS;
	else if (slice_equal(word, SLICE("route")))
		record->noun = ADMIN_ROUTE;
	else
		return line_wrong(state, "a line begins with domain, user, alias or route");
	return 0;
}

static int
line_encode_route(struct line_state *state)
{
	struct line *line = state->line;
	struct route route;
	const char *problem;

	if (line_parse_route(buffer_slice(&line->buffers[LINE_SECOND]), &line->buffers[LINE_WORD], &route) != 0)
		return line_wrong(state, "via is a route, such as smtp://mail.example.org or lmtp:/run/socket");
	route.tls = state->tls;
	route.login = buffer_slice(&line->buffers[LINE_THIRD]);
	route.password = buffer_slice(&line->buffers[LINE_FIRST]);
	problem = route_problem(&route);
	if (problem != NULL)
		return line_wrong(state, "%s", problem);
	return record_route_encode(&route, &line->buffers[LINE_VALUE]);
}

static int
line_encode(const struct line_state *state)
{
	struct line *line = state->line;
	struct record_domain domain = { .enabled = state->enabled, .kind = state->kind };
	struct record_user user = { .enabled = state->enabled,
		                    .password = buffer_slice(&line->buffers[LINE_FIRST]),
		                    .path = buffer_slice(&line->buffers[LINE_SECOND]),
		                    .quota = state->quota,
		                    .send_as = { state->count, buffer_slice(&line->buffers[LINE_THIRD]) },
		                    .secrets = { line->secrets.count, buffer_slice(&line->secrets.items) },
		                    .salt = slice_of(line->secrets.salt, line->secrets.salt_length),
		                    .iterations = line->secrets.iterations };
	struct record_alias alias = { .enabled = state->enabled,
		                      .targets = { state->count, buffer_slice(&line->buffers[LINE_FIRST]) } };

	if (line->record.noun == ADMIN_DOMAIN)
		return record_domain_encode(&domain, &line->buffers[LINE_VALUE]);
	if (line->record.noun == ADMIN_USER)
		return record_user_encode(&user, &line->buffers[LINE_VALUE]);
	return record_alias_encode(&alias, &line->buffers[LINE_VALUE]);
}

int
line_parse(struct line *line, struct slice text, char *problem)
{
	struct line_state state = { .line = line, .problem = problem, .enabled = true };
	struct slice rest = text, word = slice_word(&rest);
	int error;

	if (word.length == 0 || word.data[0] == '#')
		return 0;
	for (size_t i = 0; i < LINE_BUFFERS; i++)
		buffer_clear(&line->buffers[i]);
	line->secrets.count = 0;
	error = line_noun(&state, word);
	if (error != 0)
		return error;
	word = slice_word(&rest);
	if (word.length == 0)
		return line_wrong(&state, "the name is missing");
	error = line_unescape(&state, word, &line->buffers[LINE_NAME]);
	while (error == 0 && (word = slice_word(&rest)).length > 0)
		error = line_word(&state, word);
	if (error != 0)
		return error;
	if (line->record.noun == ADMIN_ROUTE)
		error = line_encode_route(&state);
	else if (line_encode(&state) != 0)
		error = line_wrong(&state, "it is too long");
	if (error != 0)
		return error;
	line->record.name = buffer_slice(&line->buffers[LINE_NAME]);
	line->record.record = buffer_slice(&line->buffers[LINE_VALUE]);
	return 1;
}
