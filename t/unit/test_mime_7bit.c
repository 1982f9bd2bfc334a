/*
 * The conversion of messages with bytes above 127 for servers without 8BITMIME.
 */
#include <errno.h>
#include <stdio.h>

#include "common/mail/mime.h"
#include "t/unit/mime_reference.h"
#include "t/unit/unit.h"

#define BINARY "Content-Transfer-Encoding: binary\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define QUOTED "Content-Transfer-Encoding: quoted-printable\r\n"
#define EIGHT "Content-Transfer-Encoding: 8bit\r\n"
#define SEVEN "Content-Transfer-Encoding: 7bit\r\n"
#define MIXED(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\r\n"
#define MIME_1 "MIME-Version: 1.0\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define IMAGE "Content-Type: image/png\r\n"
#define UNKNOWN "Content-Type: text/plain; charset=unknown-8bit\r\n"

enum { EVERYTHING = 1 << 24 };

static struct buffer out;
static char problem[100];
static uint32_t seed = 1;

static uint32_t
next_random(uint32_t below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

/* Scans and converts MESSAGE in pieces of STEP bytes, the first of them FIRST bytes long, into OUT. */
static int
convert_pieces(struct slice message, size_t first, size_t step)
{
	struct mime *mime = mime_new_7bit();
	int error = 0;

	ck_assert_ptr_nonnull(mime);
	buffer_free(&out);
	buffer_init(&out, EVERYTHING);
	for (size_t at = 0; at < message.length; at += at == 0 ? first : step)
		error = mime_scan(mime, slice_first(slice_from(message, at), at == 0 ? first : step));
	ck_assert(error == 0 || mime_scan_end(mime) == error);
	if (error == 0)
		error = mime_scan_end(mime);
	snprintf(problem, sizeof(problem), "%s", mime_problem(mime));
	for (size_t at = 0; error == 0 && at < message.length; at += at == 0 ? first : step)
		ck_assert_int_eq(mime_convert(mime, slice_first(slice_from(message, at), at == 0 ? first : step), &out), 0);
	if (error == 0)
		ck_assert_int_eq(mime_finish(mime, &out), 0);
	mime_free(&mime);
	return error;
}

/* What is in OUT is MESSAGE for the reference. */
static void
check_converted(struct slice message)
{
	struct buffer expected;
	struct buffer found;

	ck_assert(mime_is_7bit(buffer_slice(&out)));
	ck_assert(reference_is_lines(buffer_slice(&out)));
	buffer_init(&expected, EVERYTHING);
	buffer_init(&found, EVERYTHING);
	reference_read(message, &expected);
	reference_read(buffer_slice(&out), &found);
	ck_assert(slice_equal(buffer_slice(&expected), buffer_slice(&found)));
	buffer_free(&expected);
	buffer_free(&found);
}

/* As a whole, and cut in every position, and into single bytes: always the same. */
static int
convert(struct slice message)
{
	int error = convert_pieces(message, message.length, 1);
	struct buffer whole = out;

	buffer_init(&out, EVERYTHING);
	for (size_t at = 1; at <= message.length && message.length < 2048; at++) {
		ck_assert_int_eq(convert_pieces(message, at, at == 1 ? 1 : message.length), error);
		if (error == 0)
			ck_assert(slice_equal(buffer_slice(&out), buffer_slice(&whole)));
	}
	buffer_free(&out);
	out = whole;
	if (error == 0)
		check_converted(message);
	return error;
}

#define converts_to(message, expected)                                                                                  \
	do {                                                                                                            \
		ck_assert_int_eq(convert(SLICE(message)), 0);                                                           \
		ck_assert_slice(buffer_slice(&out), expected);                                                          \
	} while (0)

#define stays(message) converts_to(message, message)

#define is_refused(message, why)                                                                                        \
	do {                                                                                                            \
		ck_assert_int_eq(convert(SLICE(message)), -EBADMSG);                                                    \
		ck_assert_str_eq(problem, why);                                                                         \
	} while (0)

START_TEST(bytes_above_127_are_found_wherever_they_are)
{
	char text[40];

	for (size_t length = 0; length <= sizeof(text); length++) {
		memset(text, 0x7f, sizeof(text));
		ck_assert(mime_is_7bit(slice_of(text, length)));
		for (size_t at = 0; at < length; at++) {
			memset(text, 0, sizeof(text));
			text[at] = (char)0x80;
			ck_assert(!mime_is_7bit(slice_of(text, length)));
		}
	}
}
END_TEST

START_TEST(text_becomes_quoted_printable_and_the_rest_base64)
{
	converts_to(MIME_1 TEXT EIGHT "Subject: s\r\n\r\nGr\xc3\xbc\xc3\x9f"
	            "e = x\r\n\r\nok\r\n",
	            MIME_1 TEXT QUOTED "Subject: s\r\n\r\nGr=C3=BC=C3=9Fe =3D x\r\n\r\nok\r\n");
	converts_to(MIME_1 "Content-Type: TEXT/html\r\n" EIGHT "\r\n\xe9", MIME_1 "Content-Type: TEXT/html\r\n" QUOTED "\r\n=E9");
	converts_to(MIME_1 IMAGE EIGHT "\r\n\xff\r\n\xd8", MIME_1 IMAGE BASE64 "\r\n/w0K2A==");
	converts_to(MIME_1 "Content-Type: textual/plain\r\n" EIGHT "\r\n\xff", MIME_1 "Content-Type: textual/plain\r\n" BASE64 "\r\n/w==");
}
END_TEST

START_TEST(content_counts_and_not_its_label)
{
	/* A label that lies, and none. */
	converts_to(MIME_1 TEXT SEVEN "\r\n\xe9", MIME_1 TEXT QUOTED "\r\n=E9");
	converts_to(MIME_1 TEXT "\r\n\xe9", MIME_1 TEXT QUOTED "\r\n=E9");
	converts_to(MIME_1 IMAGE "\r\n\xff", MIME_1 IMAGE BASE64 "\r\n/w==");
	/* 8bit that is none. */
	converts_to(MIME_1 TEXT EIGHT "\r\ne=\r\n", MIME_1 TEXT SEVEN "\r\ne=\r\n");
	stays("Subject: s\r\n\r\ne=\r\n");
	stays("");
	stays("Subject: no body");
}
END_TEST

START_TEST(a_message_without_mime_gets_it)
{
	converts_to("Subject: s\r\n\r\n\xe9\r\n", "Subject: s\r\n" QUOTED UNKNOWN MIME_1 "\r\n=E9\r\n");
	converts_to("\r\n\xe9", QUOTED UNKNOWN MIME_1 "\r\n=E9");
	converts_to(MIME_1 "\r\n\xe9", MIME_1 QUOTED UNKNOWN "\r\n=E9");
	converts_to(IMAGE "\r\n\xff", IMAGE BASE64 MIME_1 "\r\n/w==");
	/* Around what is converted, but not where nothing is. */
	converts_to(MIXED("b") "\r\n--b\r\n\r\n\xe9\r\n--b--", MIXED("b") MIME_1 "\r\n--b\r\n" QUOTED UNKNOWN "\r\n=E9\r\n--b--");
	stays(MIXED("b") "\r\n--b\r\n\r\ne\r\n--b--");
}
END_TEST

START_TEST(only_the_parts_that_need_it_are_encoded)
{
	converts_to(MIME_1 MIXED("b") EIGHT "\r\nfor humans\r\n--b\r\n\r\nplain = 7bit\r\n--b\r\n" TEXT EIGHT "\r\n\xe9\r\n\r\n"
	            "--b\r\n" IMAGE BASE64 "\r\n/w==\r\n--b\r\n" TEXT EIGHT "\r\nascii\r\n--b--\r\nepilogue\r\n",
	            MIME_1 MIXED("b") SEVEN "\r\nfor humans\r\n--b\r\n\r\nplain = 7bit\r\n--b\r\n" TEXT QUOTED "\r\n=E9\r\n\r\n"
	            "--b\r\n" IMAGE BASE64 "\r\n/w==\r\n--b\r\n" TEXT SEVEN "\r\nascii\r\n--b--\r\nepilogue\r\n");
}
END_TEST

START_TEST(binary_parts_become_base64)
{
	converts_to(MIME_1 MIXED("b") BINARY "\r\n--b\r\n" IMAGE BINARY "\r\n\0\n\xff\r\n--b\r\n" TEXT BINARY "\r\n\xe9\r\n--b--",
	            MIME_1 MIXED("b") SEVEN "\r\n--b\r\n" IMAGE BASE64 "\r\nAAr/\r\n--b\r\n" TEXT BASE64 "\r\n6Q==\r\n--b--");
	converts_to(MIME_1 BINARY "\r\ne", MIME_1 BASE64 "\r\nZQ==");
}
END_TEST

START_TEST(messages_in_messages_are_converted_where_they_need_it)
{
	converts_to(MIME_1 MIXED("b") "\r\n--b\r\nContent-Type: message/rfc822\r\n" EIGHT "\r\nSubject: inner\r\n\r\n\xe9\r\n--b--\r\n",
	            MIME_1 MIXED("b") "\r\n--b\r\nContent-Type: message/rfc822\r\n" SEVEN "\r\nSubject: inner\r\n"
	            QUOTED UNKNOWN MIME_1 "\r\n=E9\r\n--b--\r\n");
	converts_to(MIME_1 "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: 1\r\n\r\n\xe9\r\n--b\r\n\r\nSubject: 2\r\n\r\n"
	            "e\r\n--b--",
	            MIME_1 "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: 1\r\n" QUOTED UNKNOWN MIME_1
	            "\r\n=E9\r\n--b\r\n\r\nSubject: 2\r\n\r\ne\r\n--b--");
}
END_TEST

START_TEST(what_must_not_be_touched_is_refused)
{
	is_refused(MIME_1 "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" TEXT EIGHT "\r\n\xe9\r\n--b--\r\n",
	           "8-bit bytes in a part that is signed");
	is_refused(MIME_1 "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\r\n\xe9\r\n--b--\r\n",
	           "8-bit bytes in a part that is signed");
	is_refused(MIME_1 "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" BINARY "\r\ne\r\n--b--\r\n",
	           "a binary part that is signed");
	is_refused("Content-Type: message/partial\r\n\r\n\xe9", "8-bit bytes in a part of a type that cannot be encoded");
	is_refused("Content-Type: message/external-body\r\n\r\n\xe9", "8-bit bytes in a part of a type that cannot be encoded");
	is_refused("Content-Type: multipart/mixed\r\n\r\n\xe9", "8-bit bytes in a part of a type that cannot be encoded");
	is_refused("Content-Type: text\r\n\r\n\xe9", "8-bit bytes in a part of a type that cannot be encoded");
	is_refused(TEXT TEXT "\r\n\xe9", "8-bit bytes in a part of a type that cannot be encoded");
	is_refused(TEXT QUOTED "\r\n\xe9", "8-bit bytes in a part that is encoded already");
	is_refused(TEXT BASE64 "\r\n\xe9", "8-bit bytes in a part that is encoded already");
	is_refused(TEXT EIGHT EIGHT "\r\n\xe9", "8-bit bytes in a part that is encoded already");
}
END_TEST

START_TEST(what_is_signed_stays_beside_what_is_converted)
{
	converts_to(MIME_1 MIXED("o") EIGHT "\r\n--o\r\nContent-Type: multipart/signed; boundary=b\r\n" EIGHT "\r\n--b\r\n" TEXT EIGHT
	            "\r\nsigned\r\n--b\r\n\r\nsignature\r\n--b--\r\n--o\r\n" TEXT EIGHT "\r\n\xe9\r\n--o--",
	            MIME_1 MIXED("o") SEVEN "\r\n--o\r\nContent-Type: multipart/signed; boundary=b\r\n" SEVEN "\r\n--b\r\n" TEXT EIGHT
	            "\r\nsigned\r\n--b\r\n\r\nsignature\r\n--b--\r\n--o\r\n" TEXT QUOTED "\r\n=E9\r\n--o--");
}
END_TEST

START_TEST(bytes_above_127_outside_of_content_are_refused)
{
	is_refused("Subject: \xe9\r\n\r\n", "8-bit bytes in a header section");
	is_refused("Subject: \xe9", "8-bit bytes in a header section");
	is_refused("Subject: s\r\n \xe9\r\n\r\n", "8-bit bytes in a header section");
	is_refused(MIXED("b") "\r\n--b\r\nContent-Description: \xe9\r\n\r\n", "8-bit bytes in a header section");
	is_refused("Content-Type: message/rfc822\r\n\r\nSubject: \xe9\r\n\r\n", "8-bit bytes in a header section");
	is_refused(MIXED("b") "\r\n\xe9\r\n--b--\r\n", "8-bit bytes between parts");
	is_refused(MIXED("b") "\r\n--b\r\n\r\nx\r\n--b--\r\n\xe9", "8-bit bytes between parts");
	is_refused(MIXED("b") "\r\n--b\r\n" MIXED("c") "\r\n--c--\r\n-\xe9\r\n--b--", "8-bit bytes between parts");
}
END_TEST

START_TEST(what_is_ambiguous_or_no_line_is_refused_as_ever)
{
	is_refused("no header\r\n\r\n\xe9", "a line in a header section that is no field");
	is_refused(MIXED("b") "\r\n--bb\r\n", "a line that only begins like a delimiter");
	is_refused("\r\n\xe9\n", "a bare LF outside of a binary part");
	is_refused("\r\n\xe9\rx", "a bare CR outside of a binary part");
}
END_TEST

START_TEST(blanks_are_encoded_only_where_they_could_be_lost)
{
	converts_to(MIME_1 TEXT "\r\n\xe9  a\tb \r\n \r\n\t\r\n  x\r\n ",
	            MIME_1 TEXT QUOTED "\r\n=E9  a\tb=20\r\n=20\r\n=09\r\n  x\r\n=20");
	converts_to(MIME_1 MIXED("b") "\r\n--b\r\n" TEXT "\r\n\xe9 \r\n--b--", MIME_1 MIXED("b") "\r\n--b\r\n" TEXT QUOTED "\r\n=E9=20\r\n--b--");
	converts_to(MIME_1 TEXT "\r\n\xe9\x7f\x01", MIME_1 TEXT QUOTED "\r\n=E9=7F=01");
}
END_TEST

START_TEST(dots_and_from_are_nothing_special)
{
	converts_to(MIME_1 TEXT "\r\nFrom \xe9\r\n.\r\n..\r\n- item\r\n", MIME_1 TEXT QUOTED "\r\nFrom =E9\r\n.\r\n..\r\n- item\r\n");
}
END_TEST

START_TEST(encoded_content_is_never_a_delimiter)
{
	char message[400];
	int length;

	converts_to(MIME_1 TEXT "\r\n\xe9\r\n-- \r\n--b\r\n---\r\n", MIME_1 TEXT QUOTED "\r\n=E9\r\n-=2D=20\r\n-=2Db\r\n-=2D-\r\n");
	/* A boundary that looks like encoded content. */
	converts_to(MIME_1 MIXED("\"a=E9\"") "\r\n--a=E9\r\n" TEXT "\r\n--a\xe9\r\n--a=E9--",
	            MIME_1 MIXED("\"a=E9\"") "\r\n--a=E9\r\n" TEXT QUOTED "\r\n-=2Da=E9\r\n--a=E9--");
	/* Content that a soft line break puts at the beginning of a line. */
	for (int before = 60; before < 90; before++) {
		length = snprintf(message, sizeof(message), MIME_1 MIXED("b") "\r\n--b\r\n" TEXT "\r\n\xe9%0*d--b\r\n--b--\r\n", before, 0);
		ck_assert_int_eq(convert(slice_of(message, (size_t)length)), 0);
	}
}
END_TEST

/* Of the body of the converted message that is in OUT. */
static void
check_line_lengths(void)
{
	struct slice rest = buffer_slice(&out);
	const char *body = memmem(rest.data, rest.length, "\r\n\r\n", 4);

	ck_assert_ptr_nonnull(body);
	rest = slice_from(rest, (size_t)(body - rest.data) + 4);
	while (rest.length > 0) {
		size_t end = slice_find(rest, '\r');

		ck_assert_uint_le(end, 76);
		rest = slice_from(rest, end + 2);
	}
}

START_TEST(encoded_lines_have_at_most_76_characters)
{
	static const char head[] = MIME_1 TEXT "\r\n\xe9\r\n";
	char message[sizeof(head) + 400];
	size_t length = sizeof(head) - 1;

	memcpy(message, head, length);
	for (size_t bytes = 0; bytes < 200; bytes++) {
		static const char alphabet[] = { 'a', '\xe9', ' ', '-', '=', '\t' };

		for (size_t kind = 0; kind < sizeof(alphabet); kind++) {
			memset(message + length, 'x', bytes);
			memset(message + length + bytes, alphabet[kind], 200);
			ck_assert_int_eq(convert_pieces(slice_of(message, length + bytes + 200), 1, 1000), 0);
			check_line_lengths();
		}
	}
	/* As long as it can be. */
	converts_to(MIME_1 TEXT "\r\n\xe9" "3456789.123456789.123456789.123456789.123456789.123456789.123456789.12345",
	            MIME_1 TEXT QUOTED "\r\n=E93456789.123456789.123456789.123456789.123456789.123456789.123456789.1234=\r\n5");
}
END_TEST

START_TEST(another_message_after_the_scan_is_refused)
{
	struct mime *mime = mime_new_7bit();
	struct slice seen = SLICE("Subject: s\r\n\r\ntext\r\n");
	struct slice given = SLICE("Subject: s\r\n\r\nt\xe9xt\r\n");

	buffer_init(&out, EVERYTHING);
	ck_assert_int_eq(mime_scan(mime, seen), 0);
	ck_assert_int_eq(mime_scan_end(mime), 0);
	ck_assert_int_eq(mime_convert(mime, given, &out), -EBADMSG);
	ck_assert_str_eq(mime_problem(mime), "another message than the one that was scanned");
	ck_assert(mime_is_7bit(buffer_slice(&out)));
	mime_free(&mime);
}
END_TEST

START_TEST(parts_have_a_limit)
{
	struct buffer message;

	buffer_init(&message, EVERYTHING);
	buffer_append_string(&message, MIME_1 MIXED("b") "\r\n");
	for (int i = 1; i < MIME_ENTITIES_MAX; i++)
		buffer_append_string(&message, "--b\r\n\r\n\xe9\r\n");
	ck_assert_int_eq(convert(buffer_slice(&message)), 0);
	buffer_append_string(&message, "--b\r\n\r\n\xe9\r\n");
	ck_assert_int_eq(convert(buffer_slice(&message)), -EBADMSG);
	ck_assert_str_eq(problem, "too many parts");
	buffer_free(&message);
}
END_TEST

START_TEST(a_full_buffer_is_reported)
{
	struct mime *mime = mime_new_7bit();
	struct slice message = SLICE("\r\n\xe9");
	struct buffer small;

	buffer_init(&small, 20);
	ck_assert_int_eq(mime_scan(mime, message), 0);
	ck_assert_int_eq(mime_scan_end(mime), 0);
	ck_assert_int_eq(mime_convert(mime, message, &small), -ENOBUFS);
	ck_assert_int_eq(mime_finish(mime, &small), -ENOBUFS);
	mime_free(&mime);
	buffer_free(&small);
}
END_TEST

/* ---- messages at random ---- */

static void
add_random_text(struct buffer *message)
{
	static const char *const pieces[] = {
		"\r\n", "\r\n", "\xe9", "\xc3\xbc", "=", "=E9", " ", "\t", "-", "--", ".", "word", "\r\n--", "From ", "\x80", " \r\n", "longer words",
	};
	uint32_t count = next_random(120);
	bool ascii = next_random(3) == 0;

	for (uint32_t i = 0; i < count; i++) {
		struct slice piece = slice_from_string(pieces[next_random(sizeof(pieces) / sizeof(pieces[0]))]);

		if (ascii && !mime_is_7bit(piece))
			piece = SLICE("e");
		ck_assert_int_eq(buffer_append_slice(message, piece), 0);
	}
}

static void
add_random_entity(struct buffer *message, unsigned depth)
{
	static const char *const labels[] = { "", EIGHT, SEVEN, "content-transfer-encoding:\r\n 8BIT (c)\r\n" };
	static const char *const types[] = { "", TEXT, IMAGE, "Content-Type: text/html\r\n", "Content-Type: application/x\r\n" };

	buffer_append_string(message, labels[next_random(4)]);
	switch (depth == 0 ? 0 : next_random(4)) {
	case 1:
		buffer_append_string(message, "Content-Type: message/rfc822\r\n\r\nSubject: s\r\n");
		add_random_entity(message, depth - 1);
		break;
	case 2:
	case 3:
		buffer_printf(message, "Content-Type: multipart/mixed; boundary=\"x%u=E9 x\"\r\n\r\n", depth);
		for (uint32_t parts = next_random(4); parts > 0; parts--) {
			buffer_printf(message, "\r\n--x%u=E9 x\r\n", depth);
			add_random_entity(message, depth - 1);
		}
		buffer_printf(message, "\r\n--x%u=E9 x--\r\nepilogue", depth);
		break;
	default:
		buffer_append_string(message, types[next_random(5)]);
		buffer_append_string(message, "\r\n");
		add_random_text(message);
		break;
	}
}

START_TEST(converted_messages_hold_the_parts_that_were_sent)
{
	unsigned done = 0;

	for (int i = 0; i < 3000; i++) {
		struct buffer message;

		buffer_init(&message, EVERYTHING);
		if (next_random(2) == 0)
			buffer_append_string(&message, MIME_1);
		add_random_entity(&message, next_random(4));
		/* The few that hold the beginning of a delimiter by chance are refused. */
		if (convert_pieces(buffer_slice(&message), 1 + next_random(50), 1 + next_random(50)) == 0) {
			struct buffer pieces = out;

			buffer_init(&out, EVERYTHING);
			ck_assert_int_eq(convert_pieces(buffer_slice(&message), buffer_length(&message), 1), 0);
			ck_assert(slice_equal(buffer_slice(&out), buffer_slice(&pieces)));
			buffer_free(&pieces);
			check_converted(buffer_slice(&message));
			done++;
		}
		buffer_free(&message);
	}
	ck_assert_uint_gt(done, 2900);
}
END_TEST

UNIT_MAIN("mime to 7bit",
	bytes_above_127_are_found_wherever_they_are,
	text_becomes_quoted_printable_and_the_rest_base64,
	content_counts_and_not_its_label,
	a_message_without_mime_gets_it,
	only_the_parts_that_need_it_are_encoded,
	binary_parts_become_base64,
	messages_in_messages_are_converted_where_they_need_it,
	what_must_not_be_touched_is_refused,
	what_is_signed_stays_beside_what_is_converted,
	bytes_above_127_outside_of_content_are_refused,
	what_is_ambiguous_or_no_line_is_refused_as_ever,
	blanks_are_encoded_only_where_they_could_be_lost,
	dots_and_from_are_nothing_special,
	encoded_content_is_never_a_delimiter,
	encoded_lines_have_at_most_76_characters,
	another_message_after_the_scan_is_refused,
	parts_have_a_limit,
	a_full_buffer_is_reported,
	converted_messages_hold_the_parts_that_were_sent)
