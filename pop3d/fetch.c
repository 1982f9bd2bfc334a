/*
 * Reads a small message in one go. Its size is not asked for, since its name tells it: when the file turns out to hold just so much, it is what it
 * was, and nothing else needs to be known about it.
 */
#include "pop3d/fetch.h"

#include <errno.h>
#include <string.h>

#include "pop3d/session.h"

/* One for all sessions of the process; holds nothing between two calls. A byte more than a message may have shows one that is longer. */
static char content[FETCH_SIZE_MAX + 1];

size_t
retrieve_begin(const struct session *session, uint32_t message, const struct multiline *text, char *out)
{
	size_t length;

	if (text->limited || !maildrop_sized(session->maildrop, message)) {
		memcpy(out, "+OK\r\n", 5);
		return 5;
	}
	memcpy(out, "+OK ", 4);
	length = 4 + slice_from_number(maildrop_octets(session->maildrop, message), out + 4);
	memcpy(out + length, " octets\r\n", 9);
	return length + 9;
}

size_t
fetch_room(const struct session *session, uint32_t message)
{
	uint64_t octets = maildrop_octets(session->maildrop, message);

	if (!maildrop_sized(session->maildrop, message) || octets > FETCH_SIZE_MAX)
		return 0;
	/* A file has no more bytes than its message has octets. */
	return RETRIEVE_SIZE((size_t)octets);
}

int
fetch(const struct session *session, uint32_t message, char *out, struct fetched *fetched_r)
{
	size_t octets = (size_t)maildrop_octets(session->maildrop, message);
	const char *bytes;
	ssize_t got = pipeline_use(session, message, &bytes);
	struct multiline text = multiline_all();
	size_t length;

	if (got < 0) {
		bytes = content;
		got = maildrop_read_message(session->maildrop, message, content, octets + 1);
	}
	if (got < 0)
		return (int)got;
	if ((size_t)got > octets)
		return -EINVAL;
	length = retrieve_begin(session, message, &text, out);
	length += multiline_put(&text, slice_of(bytes, (size_t)got), out + length);
	length += multiline_end(&text, out + length);
	*fetched_r = (struct fetched){ (uint32_t)length, (uint32_t)got };
	return text.octets == octets ? 0 : -EINVAL;
}
