/*
 * A naive reader of MIME messages.
 */
#include "t/unit/mime_reference.h"

#include <stdlib.h>

#include "common/base/base64.h"
#include "common/mail/mime_header.h"

static void read_entity(struct slice entity, bool in_digest, struct buffer *out);

bool
reference_is_lines(struct slice message)
{
	for (size_t i = 0; i < message.length; i++) {
		if (message.data[i] == '\0')
			return false;
		if (message.data[i] == '\r' && (i + 1 == message.length || message.data[i + 1] != '\n'))
			return false;
		if (message.data[i] == '\n' && (i == 0 || message.data[i - 1] != '\r'))
			return false;
	}
	return true;
}

static void
write_bytes(struct buffer *out, const char *what, struct slice bytes)
{
	if (buffer_printf(out, "%s %zu ", what, bytes.length) != 0 || buffer_append_slice(out, bytes) != 0)
		abort();
}

/* Base64 when it is that, else as it is. */
static void
write_base64(struct slice body, struct buffer *out)
{
	char *text = malloc(body.length + 1);
	char *bytes = malloc(body.length + 1);
	size_t length = 0;

	for (size_t i = 0; i < body.length; i++)
		if (body.data[i] != '\r' && body.data[i] != '\n')
			text[length++] = body.data[i];
	if (base64_decode(slice_of(text, length), bytes, body.length, &length) == 0)
		write_bytes(out, "leaf", slice_of(bytes, length));
	else
		write_bytes(out, "leaf", body);
	free(text);
	free(bytes);
}

/* The value of two hexadecimal digits, or -1. */
static int
read_hex(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high = text[0] == '\0' ? NULL : strchr(digits, text[0]);
	const char *low = text[1] == '\0' ? NULL : strchr(digits, text[1]);

	return high == NULL || low == NULL ? -1 : (int)((high - digits) * 16 + (low - digits));
}

/* What is not quoted-printable stays as it is; blanks at the ends of lines go (RFC 2045 6.7, rule 3). */
static void
write_quoted(struct slice body, struct buffer *out)
{
	char *text = calloc(1, body.length + 3);
	char *bytes = malloc(body.length + 1);
	size_t from = 0;
	size_t to = 0;
	size_t solid = 0; /* where the last byte ends that is no blank */

	if (body.length > 0)
		memcpy(text, body.data, body.length);
	while (from < body.length) {
		if (memcmp(text + from, "=\r\n", 3) == 0) {
			from += 3;
			solid = to;
		} else if (memcmp(text + from, "\r\n", 2) == 0) {
			to = solid;
			bytes[to++] = text[from++];
			bytes[to++] = text[from++];
			solid = to;
		} else if (text[from] == '=' && read_hex(text + from + 1) >= 0) {
			bytes[to++] = (char)read_hex(text + from + 1);
			from += 3;
			solid = to;
		} else {
			bytes[to++] = text[from];
			solid = text[from] == ' ' || text[from] == '\t' ? solid : to;
			from++;
		}
	}
	write_bytes(out, "leaf", slice_of(bytes, solid));
	free(text);
	free(bytes);
}

static void
write_leaf(struct slice encoding, struct slice body, struct buffer *out)
{
	if (slice_equal_nocase(encoding, SLICE("base64")))
		write_base64(body, out);
	else if (slice_equal_nocase(encoding, SLICE("quoted-printable")))
		write_quoted(body, out);
	else
		write_bytes(out, "leaf", body);
}

/* SECTION without the fields that a conversion may change or add. */
static void
write_fields(struct slice section, struct buffer *out)
{
	struct header_reader reader = header_read(section);
	struct header_field field;

	buffer_append_string(out, "header (");
	while (header_next(&reader, &field)) {
		if (slice_equal_nocase(field.name, SLICE("Content-Transfer-Encoding")) ||
		    slice_equal(field.whole, SLICE("MIME-Version: 1.0\r\n")) ||
		    slice_equal(field.whole, SLICE("Content-Type: text/plain; charset=unknown-8bit\r\n")))
			continue;
		write_bytes(out, "field", field.whole);
	}
	buffer_append_slice(out, reader.rest);
	buffer_append_string(out, ")");
}

/* Is LINE, with its line end, a delimiter of the multipart? */
static bool
is_delimiter(const struct mime_header *header, struct slice line, bool *last_r)
{
	size_t length = 2 + header->boundary_length;

	if (line.length < length || memcmp(line.data, "--", 2) != 0 ||
	    memcmp(line.data + 2, header->boundary, header->boundary_length) != 0)
		return false;
	line = slice_from(line, length);
	*last_r = line.length >= 2 && memcmp(line.data, "--", 2) == 0;
	line = slice_trim(slice_from(line, *last_r ? 2 : 0));
	return slice_equal(line, SLICE("\r\n")) || (*last_r && line.length == 0);
}

/* BODY from START to the delimiter at END, whose CRLF it leaves off. */
static struct slice
cut(struct slice body, size_t start, size_t end)
{
	return slice_first(slice_from(body, start), end >= start + 2 ? end - 2 - start : 0);
}

static void
write_part(const struct mime_header *header, bool preamble, struct slice part, struct buffer *out)
{
	if (preamble)
		write_bytes(out, "preamble", part);
	else
		read_entity(part, header->is_digest, out);
}

static void
read_multipart(const struct mime_header *header, struct slice body, struct buffer *out)
{
	size_t start = 0; /* of the part */
	size_t at = 0;    /* of the line */
	bool preamble = true;
	bool last = false;

	buffer_append_string(out, "multipart (");
	while (at < body.length && !last) {
		const char *end = memmem(body.data + at, body.length - at, "\r\n", 2);
		size_t next = end == NULL ? body.length : (size_t)(end - body.data) + 2;

		if (is_delimiter(header, slice_of(body.data + at, next - at), &last)) {
			write_part(header, preamble, cut(body, start, at), out);
			preamble = false;
			start = next;
		}
		at = next;
	}
	if (last)
		write_bytes(out, "epilogue", slice_from(body, start));
	else
		write_part(header, preamble, slice_from(body, start), out);
	buffer_append_string(out, ")");
}

/* The bytes of the header section with its empty line. */
static size_t
find_body(struct slice entity)
{
	const char *end;

	if (entity.length >= 2 && memcmp(entity.data, "\r\n", 2) == 0)
		return 2;
	end = entity.length == 0 ? NULL : memmem(entity.data, entity.length, "\r\n\r\n", 4);
	return end == NULL ? entity.length : (size_t)(end - entity.data) + 4;
}

static void
read_entity(struct slice entity, bool in_digest, struct buffer *out)
{
	struct slice section = slice_first(entity, find_body(entity));
	struct slice body = slice_from(entity, section.length);
	struct mime_header header;

	if (mime_header_read(section, in_digest, &header) != 0)
		abort();
	write_fields(section, out);
	if (header.encoding != MIME_ENCODED && header.kind == MIME_MULTIPART)
		read_multipart(&header, body, out);
	else if (header.encoding != MIME_ENCODED && header.kind == MIME_MESSAGE)
		read_entity(body, false, out);
	else
		write_leaf(slice_trim(header.encoding_field.value), body, out);
}

void
reference_read(struct slice message, struct buffer *out)
{
	read_entity(message, false, out);
}
