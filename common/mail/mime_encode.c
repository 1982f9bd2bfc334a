/*
 * The base64 content-transfer-encoding, a line at a time.
 */
#include "common/mail/mime_encode.h"

#include "common/base/base64.h"

void
mime_base64_begin(struct mime_base64 *base64)
{
	*base64 = (struct mime_base64){ 0 };
}

static int
put_line(struct mime_base64 *base64, struct slice bytes, struct buffer *out)
{
	size_t length = 0;
	char *room;
	int error = buffer_reserve(out, 2 + BASE64_SIZE(bytes.length), &room);

	if (error != 0)
		return error;
	if (base64->begun) {
		room[length++] = '\r';
		room[length++] = '\n';
	}
	length += base64_encode(bytes.data, bytes.length, room + length);
	buffer_commit(out, length);
	base64->begun = true;
	return 0;
}

static void
hold(struct mime_base64 *base64, struct slice bytes)
{
	if (bytes.length > 0)
		memcpy(base64->held + base64->held_length, bytes.data, bytes.length);
	base64->held_length += bytes.length;
}

int
mime_base64_encode(struct mime_base64 *base64, struct slice bytes, struct buffer *out)
{
	int error = 0;

	if (base64->held_length + bytes.length >= MIME_BASE64_LINE && base64->held_length > 0) {
		struct slice first = slice_first(bytes, MIME_BASE64_LINE - base64->held_length);

		hold(base64, first);
		error = mime_base64_end(base64, out);
		bytes = slice_from(bytes, first.length);
	}
	while (error == 0 && bytes.length >= MIME_BASE64_LINE) {
		error = put_line(base64, slice_first(bytes, MIME_BASE64_LINE), out);
		bytes = slice_from(bytes, MIME_BASE64_LINE);
	}
	if (error == 0)
		hold(base64, bytes);
	return error;
}

int
mime_base64_end(struct mime_base64 *base64, struct buffer *out)
{
	struct slice held = slice_of(base64->held, base64->held_length);

	base64->held_length = 0;
	return held.length == 0 ? 0 : put_line(base64, held, out);
}
