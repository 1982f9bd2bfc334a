/*
 * Open multiparts and their delimiters.
 *
 * RFC 2046 5.1.1 has two rules: a delimiter line is "--", the boundary and blanks; and it is enough for a
 * delimiter that a line begins with "--" and the boundary. Programs follow one or the other. A line on which
 * they would differ makes the message ambiguous, unless it is the delimiter of another open multipart: boundaries
 * such as "x" and "x-1" in each other are in use.
 */
#include "common/mail/mime_delimiter.h"

bool
mime_levels_push(struct mime_levels *levels, const struct mime_header *header)
{
	const struct mime_level *around = mime_levels_top(levels);
	struct mime_level *level = &levels->list[levels->count];

	if (levels->count == MIME_LEVELS_MAX)
		return false;
	level->is_digest = header->is_digest;
	level->is_signed = header->is_signed || (around != NULL && around->is_signed);
	level->boundary_length = header->boundary_length;
	memcpy(level->boundary, header->boundary, header->boundary_length);
	levels->count++;
	return true;
}

/* What follows "--" and LEVEL's boundary at the beginning of LINE, in *rest_r. */
static bool
begins_with(const struct mime_level *level, struct slice line, struct slice *rest_r)
{
	size_t length = 2 + level->boundary_length;

	if (line.length < length || memcmp(line.data, "--", 2) != 0 ||
	    memcmp(line.data + 2, level->boundary, level->boundary_length) != 0)
		return false;
	*rest_r = slice_from(line, length);
	return true;
}

enum mime_delimiter
mime_delimiter_find(const struct mime_levels *levels, struct slice line, size_t *level_r)
{
	enum mime_delimiter found = MIME_NO_DELIMITER;
	bool begins = false;

	for (size_t i = levels->count; i-- > 0;) {
		struct slice rest;
		bool last;

		if (!begins_with(&levels->list[i], line, &rest))
			continue;
		begins = true;
		last = rest.length >= 2 && memcmp(rest.data, "--", 2) == 0;
		if (slice_trim(slice_from(rest, last ? 2 : 0)).length > 0)
			continue;
		if (found != MIME_NO_DELIMITER)
			return MIME_AMBIGUOUS;
		found = last ? MIME_LAST_PART : MIME_NEXT_PART;
		*level_r = i;
	}
	return begins && found == MIME_NO_DELIMITER ? MIME_AMBIGUOUS : found;
}

bool
mime_delimiter_possible(const struct mime_levels *levels, struct slice beginning)
{
	for (size_t i = 0; i < levels->count; i++) {
		const struct mime_level *level = &levels->list[i];
		struct slice dashes = slice_first(beginning, 2);
		struct slice boundary = slice_first(slice_from(beginning, 2), level->boundary_length);

		if (memcmp(dashes.data, "--", dashes.length) == 0 &&
		    memcmp(boundary.data, level->boundary, boundary.length) == 0)
			return true;
	}
	return false;
}
