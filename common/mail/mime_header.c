/*
 * What the header section of an entity says about its structure.
 *
 * Where programs that read mail may differ (two fields of a name, a malformed parameter, RFC 2231's encoded
 * boundaries) the entity is taken for opaque: it is passed on as it is or not at all.
 */
#include "common/mail/mime_header.h"

#include <errno.h>

/* The boundary parameter, as its parts come in. */
struct boundary {
	struct mime_header *header;
	bool whole;        /* "boundary" was there */
	uint64_t sections; /* "boundary*0" and so on (RFC 2231 3) */
	bool bad;
};

/* ---- words ---- */

/* Removes a comment (RFC 822 3.4.3) at the beginning of *REST. */
static void
skip_comment(struct slice *rest)
{
	size_t depth = 0;
	size_t at = 0;

	do {
		if (rest->data[at] == '\\')
			at++;
		else if (rest->data[at] == '(')
			depth++;
		else if (rest->data[at] == ')')
			depth--;
		at++;
	} while (depth > 0 && at < rest->length);
	*rest = slice_from(*rest, at);
}

/* Removes blanks, folding and comments. */
static void
skip_blanks(struct slice *rest)
{
	while (rest->length > 0) {
		if (rest->data[0] == '(')
			skip_comment(rest);
		else if (memchr(" \t\r\n", rest->data[0], 4) != NULL)
			*rest = slice_from(*rest, 1);
		else
			break;
	}
}

/* token (RFC 2045 5.1) */
static bool
is_token_character(char c)
{
	return c > ' ' && c < 127 && memchr("()<>@,;:\\\"/[]?=", c, 15) == NULL;
}

/* Removes and returns a token; empty when there is none. */
static struct slice
take_token(struct slice *rest)
{
	struct slice token;
	size_t length = 0;

	skip_blanks(rest);
	while (length < rest->length && is_token_character(rest->data[length]))
		length++;
	token = slice_first(*rest, length);
	*rest = slice_from(*rest, length);
	skip_blanks(rest);
	return token;
}

static bool
take_character(struct slice *rest, char c)
{
	if (rest->length == 0 || rest->data[0] != c)
		return false;
	*rest = slice_from(*rest, 1);
	return true;
}

/* ---- the boundary ---- */

/* Space is allowed inside of a boundary. More characters than RFC 2046's bchars are in use, and do no harm. */
static void
boundary_add(struct boundary *boundary, char c)
{
	struct mime_header *header = boundary->header;

	if (c < ' ' || c > '~' || header->boundary_length == MIME_BOUNDARY_MAX)
		boundary->bad = true;
	else
		header->boundary[header->boundary_length++] = c;
}

/* Is NAME a parameter of the boundary? Then its value follows. */
static bool
boundary_begin(struct boundary *boundary, struct slice name)
{
	const struct slice prefix = SLICE("boundary");
	uint64_t section;

	if (!slice_starts_nocase(name, prefix))
		return false;
	name = slice_from(name, prefix.length);
	if (name.length == 0) {
		boundary->bad = boundary->bad || boundary->whole;
		boundary->whole = true;
		return true;
	}
	if (name.data[0] != '*')
		return false;
	/* Sections come in order; "boundary*" and "boundary*0*" would need RFC 2231's decoding. */
	if (slice_to_number(slice_from(name, 1), MIME_BOUNDARY_MAX, &section) != 0 || section != boundary->sections++)
		boundary->bad = true;
	return true;
}

static bool
boundary_is_sound(const struct boundary *boundary)
{
	const struct mime_header *header = boundary->header;

	return !boundary->bad && boundary->whole != (boundary->sections > 0) && header->boundary_length > 0 &&
	       header->boundary[header->boundary_length - 1] != ' ';
}

/* ---- parameters ---- */

/* The rest of a quoted-string; its characters go to BOUNDARY, or nowhere (NULL). */
static bool
take_quoted(struct slice *rest, struct boundary *boundary)
{
	for (size_t at = 0; at < rest->length; at++) {
		char c = rest->data[at];

		if (c == '"') {
			*rest = slice_from(*rest, at + 1);
			skip_blanks(rest);
			return true;
		}
		if (c == '\\' && ++at < rest->length)
			c = rest->data[at];
		/* Folding is no part of the value. */
		if (boundary != NULL && c != '\r' && c != '\n')
			boundary_add(boundary, c);
	}
	return false;
}

/*
 * A value that is not quoted. Boundaries with characters of which RFC 2045 says that they must be quoted ('=',
 * '/') are common, and unmistakable.
 */
static bool
take_bare(struct slice *rest, struct boundary *boundary)
{
	struct slice value = slice_first(*rest, slice_find(*rest, ';'));

	*rest = slice_from(*rest, value.length);
	while (value.length > 0 && memchr(" \t\r\n", value.data[value.length - 1], 4) != NULL)
		value.length--;
	if (slice_find(value, '"') < value.length)
		return false;
	if (boundary == NULL)
		return true;
	for (size_t at = 0; at < value.length; at++) {
		if (memchr(" ()\\", value.data[at], 4) != NULL)
			return false;
		boundary_add(boundary, value.data[at]);
	}
	return true;
}

/* The parameters behind a multipart's type. True when there is one sound boundary. */
static bool
read_boundary(struct slice rest, struct mime_header *header)
{
	struct boundary boundary = { .header = header };

	while (rest.length > 0) {
		struct boundary *into;
		struct slice name;

		if (!take_character(&rest, ';'))
			return false;
		name = take_token(&rest);
		if (name.length == 0 && (rest.length == 0 || rest.data[0] == ';'))
			continue; /* a semicolon too many */
		if (name.length == 0 || !take_character(&rest, '='))
			return false;
		skip_blanks(&rest);
		into = boundary_begin(&boundary, name) ? &boundary : NULL;
		if (!(take_character(&rest, '"') ? take_quoted(&rest, into) : take_bare(&rest, into)))
			return false;
	}
	return boundary_is_sound(&boundary);
}

/* ---- fields ---- */

static enum mime_kind
message_kind(struct slice subtype)
{
	if (slice_equal_nocase(subtype, SLICE("rfc822")) || slice_equal_nocase(subtype, SLICE("global")))
		return MIME_MESSAGE;
	/* RFC 2046 5.2.2, 5.2.3: 7bit, always. */
	if (slice_equal_nocase(subtype, SLICE("partial")) || slice_equal_nocase(subtype, SLICE("external-body")))
		return MIME_OPAQUE;
	return MIME_LEAF;
}

static enum mime_kind
read_type(struct slice value, struct mime_header *header)
{
	struct slice type = take_token(&value);
	struct slice subtype;

	if (type.length == 0 || !take_character(&value, '/'))
		return MIME_OPAQUE;
	subtype = take_token(&value);
	if (subtype.length == 0)
		return MIME_OPAQUE;
	header->is_text = slice_equal_nocase(type, SLICE("text"));
	if (slice_equal_nocase(type, SLICE("message")))
		return message_kind(subtype);
	if (!slice_equal_nocase(type, SLICE("multipart")))
		return MIME_LEAF;
	header->is_digest = slice_equal_nocase(subtype, SLICE("digest"));
	header->is_signed = slice_equal_nocase(subtype, SLICE("signed"));
	return read_boundary(value, header) ? MIME_MULTIPART : MIME_OPAQUE;
}

static enum mime_encoding
read_encoding(struct slice value)
{
	struct slice encoding = take_token(&value);

	if (value.length > 0)
		return MIME_ENCODED;
	if (slice_equal_nocase(encoding, SLICE("binary")))
		return MIME_BINARY;
	if (slice_equal_nocase(encoding, SLICE("8bit")))
		return MIME_8BIT;
	return slice_equal_nocase(encoding, SLICE("7bit")) ? MIME_7BIT : MIME_ENCODED;
}

int
mime_header_read(struct slice header, bool in_digest, struct mime_header *header_r)
{
	struct header_reader reader = header_read(header);
	struct header_field field;
	size_t types = 0;
	size_t encodings = 0;

	*header_r = (struct mime_header){ .kind = in_digest ? MIME_MESSAGE : MIME_LEAF, .is_text = !in_digest };
	while (header_next(&reader, &field)) {
		/* Blanks before the colon (RFC 5322 4.5) end the header section for some. */
		if (field.whole.data[field.name.length] != ':')
			return -EBADMSG;
		if (slice_equal_nocase(field.name, SLICE("Content-Type"))) {
			header_r->kind = types++ == 0 ? read_type(field.value, header_r) : MIME_OPAQUE;
			header_r->has_type = true;
		} else if (slice_equal_nocase(field.name, SLICE("Content-Transfer-Encoding"))) {
			header_r->encoding = encodings++ == 0 ? read_encoding(field.value) : MIME_ENCODED;
			header_r->encoding_field = field;
		} else if (slice_equal_nocase(field.name, SLICE("MIME-Version"))) {
			header_r->has_version = true;
		}
	}
	header_r->fields_length = header.length - reader.rest.length;
	return reader.rest.length == 0 || slice_equal(reader.rest, SLICE("\r\n")) ? 0 : -EBADMSG;
}
