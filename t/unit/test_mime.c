/*
 * The conversion of binary messages into lines.
 */
#include <errno.h>
#include <stdio.h>

#include "common/mail/mime.h"
#include "common/mail/mime_delimiter.h"
#include "common/mail/mime_header.h"
#include "t/unit/mime_reference.h"
#include "t/unit/unit.h"

#define BINARY "Content-Transfer-Encoding: binary\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define EIGHT "Content-Transfer-Encoding: 8bit\r\n"
#define MIXED(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\r\n"

static struct buffer out;
static char problem[100];

/* Converts MESSAGE in pieces of STEP bytes, the first of them FIRST bytes long, into OUT. */
static int
convert_pieces(struct slice message, size_t first, size_t step)
{
	struct mime *mime = mime_new();
	size_t length = first;
	int error = 0;

	ck_assert_ptr_nonnull(mime);
	buffer_free(&out);
	buffer_init(&out, 1 << 24);
	while (message.length > 0 && error == 0) {
		error = mime_convert(mime, slice_first(message, length), &out);
		message = slice_from(message, length);
		length = step;
	}
	if (error == 0)
		error = mime_finish(mime, &out);
	else
		ck_assert_int_eq(mime_finish(mime, &out), error);
	snprintf(problem, sizeof(problem), "%s", mime_problem(mime));
	mime_free(&mime);
	ck_assert_ptr_null(mime);
	return error;
}

/* As a whole, and cut in every position, and into single bytes: always the same. */
static int
convert(struct slice message)
{
	int error = convert_pieces(message, message.length, 1);
	struct buffer whole = out;

	buffer_init(&out, 1 << 24);
	for (size_t at = 0; at <= message.length && message.length < 4096; at++) {
		size_t rest = at == 0 ? 1 : message.length;

		ck_assert_int_eq(convert_pieces(message, at == 0 ? 1 : at, rest), error);
		if (error == 0)
			ck_assert(slice_equal(buffer_slice(&out), buffer_slice(&whole)));
	}
	buffer_free(&out);
	out = whole;
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

START_TEST(a_binary_message_becomes_base64_and_nothing_else_changes)
{
	converts_to("Subject: s\r\nContent-Transfer-Encoding: binary\r\nX-Odd:  a \r\n\tb\r\n\r\n\0\r\n\n\r\xff",
	            "Subject: s\r\nContent-Transfer-Encoding: base64\r\nX-Odd:  a \r\n\tb\r\n\r\nAA0KCg3/");
	converts_to("CONTENT-transfer-encoding:\r\n (as it is) BINARY (really\\) (so)) \r\n\r\n"
	            "x", "CONTENT-transfer-encoding: base64\r\n\r\neA==");
	converts_to(BINARY "\r\n", BASE64 "\r\n");
	converts_to("Content-Transfer-Encoding: binary", BASE64);
}
END_TEST

START_TEST(a_message_without_binary_parts_stays_as_it_is)
{
	stays("");
	stays("\r\n");
	stays("Subject: s\r\n\r\ntext\r\n-\r\n--\r\n--b\r\n\xe9");
	stays("Subject: no body");
	stays("Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xe9\r\n");
	stays("Content-Transfer-Encoding: x-unknown\r\n\r\ntext\r\n");
	stays(MIXED("b") "\r\npre\r\n--b\r\n\r\none\r\n--b  \r\nX: y\r\n--b\r\n--b-- \r\nepilogue\r\n--b\r\n");
	stays("Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\none\r\n--b--\r\n");
	stays(MIXED("b") "Content-Transfer-Encoding: base64\r\n\r\n--b\r\n" BINARY "\r\ntext\r\n--b--\r\n");
}
END_TEST

START_TEST(lines_have_76_characters)
{
	char message[sizeof(BINARY "\r\n") + 200];
	size_t length = sizeof(BINARY "\r\n") - 1;

	memcpy(message, BINARY "\r\n", length);
	memset(message + length, 0, 200);
	for (size_t bytes = 0; bytes <= 200; bytes++) {
		struct slice text;

		ck_assert_int_eq(convert(slice_of(message, length + bytes)), 0);
		text = slice_from(buffer_slice(&out), length);
		ck_assert_uint_eq(text.length, (bytes + 2) / 3 * 4 + (bytes == 0 ? 0 : (bytes - 1) / 57 * 2));
		for (size_t end = 76; end < text.length; end += 78)
			ck_assert_int_eq(memcmp(text.data + end, "\r\n", 2), 0);
	}
}
END_TEST

START_TEST(the_line_end_before_a_delimiter_is_no_part_of_the_content)
{
	converts_to(MIXED("b") "\r\n--b\r\n" BINARY "\r\nx\r\n--b\r\n" BINARY "\r\nx\r\n\r\n--b\r\n" BINARY
	            "\r\n\r\n--b\r\n" BINARY "\r\n--b--",
	            MIXED("b") "\r\n--b\r\n" BASE64 "\r\neA==\r\n--b\r\n" BASE64 "\r\neA0K\r\n--b\r\n" BASE64
	            "\r\n\r\n--b\r\n" BASE64
	            "\r\n--b--");
}
END_TEST

START_TEST(content_that_resembles_a_delimiter_is_content)
{
	converts_to(MIXED("bound") "\r\n--bound\r\n" BINARY "\r\n-\r\n--\n--bound\n\r--bound\r\r\n--boun\r\n"
	            " --bound\r\n--bound--\r\n",
	            MIXED("bound") "\r\n--bound\r\n" BASE64 "\r\n"
	            "LQ0KLS0KLS1ib3VuZAoNLS1ib3VuZA0NCi0tYm91bg0KIC0tYm91bmQ=\r\n--bound--\r\n");
	converts_to(MIXED("b") "\r\n--b\r\n" BINARY "\r\n\r\n-\0-b\r\n--b--\r\n",
	            MIXED("b") "\r\n--b\r\n" BASE64 "\r\nDQotAC1i\r\n--b--\r\n");
}
END_TEST

START_TEST(each_part_is_treated_by_its_own_label)
{
	converts_to("MIME-Version: 1.0\r\n" MIXED("b") "\r\npreamble\r\n--b\r\nContent-Type: text/plain\r\n"
	            EIGHT "\r\n\xe9\r\n\r\n--b\r\n" BINARY
	            "Content-Type: image/png\r\n\r\n\0\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	            "AA==\r\n--b--\r\nepilogue\r\n",
	            "MIME-Version: 1.0\r\n" MIXED("b") "\r\npreamble\r\n--b\r\nContent-Type: text/plain\r\n"
	            EIGHT "\r\n\xe9\r\n\r\n--b\r\n" BASE64
	            "Content-Type: image/png\r\n\r\nAA==\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	            "AA==\r\n--b--\r\nepilogue\r\n");
}
END_TEST

START_TEST(a_multipart_or_message_that_is_labelled_binary_becomes_8bit)
{
	converts_to(MIXED("b") BINARY "\r\n--b\r\n" BINARY "Content-Type: message/rfc822\r\n\r\nSubject: s\r\n"
	            BINARY "\r\n\n\r\n--b--\r\n",
	            MIXED("b") EIGHT "\r\n--b\r\n" EIGHT "Content-Type: message/rfc822\r\n\r\nSubject: s\r\n"
	            BASE64 "\r\nCg==\r\n--b--\r\n");
	converts_to("Content-Type: message/global\r\n" BINARY "\r\n" BINARY
	            "\r\n\n", "Content-Type: message/global\r\n" EIGHT "\r\n" BASE64 "\r\nCg==");
}
END_TEST

START_TEST(the_parts_of_a_digest_are_messages_unless_they_say_otherwise)
{
	converts_to("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" BINARY "\r\n\n\r\n--b\r\n"
	            BINARY "Content-Type: text/plain\r\n\r\n\n\r\n--b--",
	            "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" BASE64 "\r\nCg==\r\n--b\r\n"
	            BASE64
	            "Content-Type: text/plain\r\n\r\nCg==\r\n--b--");
}
END_TEST

START_TEST(a_delimiter_of_an_outer_multipart_ends_the_inner_ones)
{
	converts_to(MIXED("o") "\r\n--o\r\n" MIXED("i") "\r\n--i\r\n" BINARY "\r\n\n\r\n--o\r\n" BINARY
	            "\r\n\r\r\n--i\r\n\r\n--o--\r\n--i\r\n",
	            MIXED("o") "\r\n--o\r\n" MIXED("i") "\r\n--i\r\n" BASE64 "\r\nCg==\r\n--o\r\n" BASE64 "\r\n"
	            "DQ0KLS1pDQo=\r\n--o--\r\n--i\r\n");
	/* A boundary that begins like that of the multipart around it. */
	converts_to(MIXED("o") "\r\n--o\r\n" MIXED("o-1") "\r\n--o-1\r\n" BINARY "\r\n\n\r\n--o-1--\r\n\r\n--o--",
	            MIXED("o") "\r\n--o\r\n" MIXED("o-1") "\r\n--o-1\r\n" BASE64 "\r\nCg==\r\n--o-1--\r\n\r\n--o--");
}
END_TEST

START_TEST(a_message_may_end_inside_of_a_part)
{
	converts_to(MIXED("b") "\r\n--b\r\n" BINARY "\r\n\n\r\n--", MIXED("b") "\r\n--b\r\n" BASE64 "\r\nCg0KLS0=");
	converts_to(MIXED("b") "\r\n--b\r\n" BINARY, MIXED("b") "\r\n--b\r\n" BASE64);
	converts_to(MIXED("b") "\r\n--b\r\n" BINARY "--b--", MIXED("b") "\r\n--b\r\n" BASE64 "--b--");
	converts_to(MIXED("b") "\r\n--b\r\n" BINARY "\r\n\r", MIXED("b") "\r\n--b\r\n" BASE64 "\r\nDQ==");
}
END_TEST

START_TEST(what_is_no_line_outside_of_a_binary_part_is_refused)
{
	is_refused("Subject: s\r\n\r\na\nb", "a bare LF outside of a binary part");
	is_refused("Subject: s\r\n\r\na\rb", "a bare CR outside of a binary part");
	is_refused("Subject: s\r\n\r\na\r", "a bare CR outside of a binary part");
	is_refused("Subject: s\r\n\r\na\0b", "a NUL outside of a binary part");
	is_refused(EIGHT "\r\na\nb", "a bare LF outside of a binary part");
	is_refused("Content-Transfer-Encoding: binary; really\r\n\r\n\n", "a bare LF outside of a binary part");
	is_refused(BINARY BINARY "\r\n\n", "a bare LF outside of a binary part");
	is_refused("Subject: a\rb\r\n\r\n", "a bare CR or a NUL in a header section");
	is_refused("Subject: a\0b\r\n\r\n", "a bare CR or a NUL in a header section");
	is_refused("Subject: a\r", "a bare CR or a NUL in a header section");
	is_refused("Subject: a\n\r\n", "a bare LF in a header section");
	is_refused("\n", "a bare LF in a header section");
	is_refused(MIXED("b") "\r\npre\nface\r\n--b--\r\n", "a bare LF outside of a binary part");
	is_refused(MIXED("b") "\r\n--b--\r\nepi\nlogue", "a bare LF outside of a binary part");
	is_refused(BINARY "Content-Type: message/rfc822\r\n\r\n\r\n\n", "a bare LF outside of a binary part");
}
END_TEST

START_TEST(what_can_be_read_in_two_ways_is_refused)
{
	is_refused("no header\r\n\r\n", "a line in a header section that is no field");
	is_refused("Subject : s\r\n\r\n", "a line in a header section that is no field");
	is_refused(" x\r\n\r\n", "a line in a header section that is no field");
	is_refused(MIXED("b") "\r\n--bb\r\n", "a line that only begins like a delimiter");
	is_refused(MIXED("b") "\r\n--b --\r\n", "a line that only begins like a delimiter");
	is_refused(MIXED("b") "\r\n--b\r\n\r\n--b", "a delimiter without an end");
	is_refused(MIXED("b") "\r\n--b\r\n--b", "a delimiter without an end");
	is_refused(MIXED("b") "\r\n--b\r", "a delimiter that ends in a bare CR");
	is_refused(MIXED("b") "\r\n--b\rx", "a delimiter that ends in a bare CR");
	is_refused(MIXED("b") "\r\n--b\n", "a delimiter that ends in a bare LF");
	is_refused(MIXED("b") "\r\n--b\r\n" MIXED("b") "\r\n--b\r\n", "a line that only begins like a delimiter");
	is_refused(MIXED("b") "\r\n--b\r\n" MIXED("b--") "\r\n--b--\r\n", "a line that only begins like a delimiter");
}
END_TEST

START_TEST(a_binary_part_that_must_not_be_encoded_is_refused)
{
	is_refused("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" BINARY "\r\nx\r\n"
	           "--b--\r\n", "a binary part that is signed");
	is_refused("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" MIXED("c") "\r\n--c\r\n" BINARY
	           "\r\nx\r\n--b--\r\n",
	           "a binary part that is signed");
	converts_to("Content-Type: multipart/signed; boundary=b\r\n" BINARY "\r\n--b\r\n\r\nx\r\n--b--\r\n",
	            "Content-Type: multipart/signed; boundary=b\r\n" EIGHT "\r\n--b\r\n\r\nx\r\n--b--\r\n");
	is_refused("Content-Type: message/partial\r\n" BINARY "\r\n"
	           "x", "a binary part of a type that cannot be encoded");
	is_refused("Content-Type: message/external-body\r\n" BINARY "\r\n"
	           "x", "a binary part of a type that cannot be encoded");
	is_refused("Content-Type: multipart/mixed\r\n" BINARY "\r\n"
	           "x", "a binary part of a type that cannot be encoded");
	is_refused("Content-Type: text\r\n" BINARY "\r\nx", "a binary part of a type that cannot be encoded");
	is_refused("Content-Type: text/plain\r\nContent-Type: text/plain\r\n" BINARY "\r\n"
	           "x", "a binary part of a type that cannot be encoded");
}
END_TEST

/* A message of multiparts in each other, with a binary part in the innermost. */
static void
make_nested(struct buffer *message, unsigned depth)
{
	buffer_init(message, 1 << 20);
	for (unsigned i = 0; i < depth; i++)
		buffer_printf(message, "Content-Type: multipart/mixed; boundary=\"b %u.\"\r\n\r\n--b %u.\r\n", i, i);
	buffer_append_string(message, BINARY "\r\n\n");
	for (unsigned i = depth; i-- > 0;)
		buffer_printf(message, "\r\n--b %u.--\r\n", i);
}

START_TEST(parts_may_be_nested_up_to_a_limit)
{
	struct buffer message;

	make_nested(&message, MIME_LEVELS_MAX);
	ck_assert_int_eq(convert(buffer_slice(&message)), 0);
	ck_assert_ptr_nonnull(memmem(out.data, buffer_length(&out), "base64\r\n\r\nCg==\r\n--b 31.--\r\n", 27));
	buffer_free(&message);
	make_nested(&message, MIME_LEVELS_MAX + 1);
	ck_assert_int_eq(convert(buffer_slice(&message)), -EBADMSG);
	ck_assert_str_eq(problem, "parts nested too deeply");
	buffer_free(&message);
}
END_TEST

START_TEST(messages_in_messages_take_no_memory)
{
	struct buffer message;

	buffer_init(&message, 1 << 20);
	for (int i = 0; i < 10000; i++)
		buffer_append_string(&message, "Content-Type: message/rfc822\r\n\r\n");
	buffer_append_string(&message, BINARY "\r\n\n");
	ck_assert_int_eq(convert(buffer_slice(&message)), 0);
	ck_assert_uint_eq(buffer_length(&out), buffer_length(&message) + 3);
	buffer_free(&message);
}
END_TEST

START_TEST(a_header_section_has_a_limit)
{
	struct buffer message;

	buffer_init(&message, 1 << 20);
	while (buffer_length(&message) + 64 + 2 <= MIME_HEADER_MAX)
		buffer_append_string(&message, "X-Long: 123456789.123456789.123456789.123456789.123456789.1234\r\n");
	buffer_append_string(&message, "\r\n\r\ntext\r\n");
	ck_assert_int_eq(convert(buffer_slice(&message)), 0);
	buffer_free(&message);
	buffer_init(&message, 1 << 20);
	while (buffer_length(&message) <= MIME_HEADER_MAX)
		buffer_append_string(&message, "X-Long: ");
	ck_assert_int_eq(convert(buffer_slice(&message)), -EBADMSG);
	ck_assert_str_eq(problem, "a header section that is too long");
	buffer_free(&message);
}
END_TEST

START_TEST(blanks_behind_a_delimiter_have_a_limit)
{
	char message[600];
	int length = snprintf(message, sizeof(message), MIXED("b") "\r\n--b%252s\r\n--b--", "");

	ck_assert_int_eq(convert(slice_of(message, (size_t)length)), 0);
	length = snprintf(message, sizeof(message), MIXED("b") "\r\n--b%253s\r\n--b--", "");
	ck_assert_int_eq(convert(slice_of(message, (size_t)length)), -EBADMSG);
	length = snprintf(message, sizeof(message), MIXED("b") "\r\n--b\r\n--b%253s\r\n--b--", "");
	ck_assert_int_eq(convert(slice_of(message, (size_t)length)), -EBADMSG);
	ck_assert_str_eq(problem, "a delimiter with too many blanks");
}
END_TEST

START_TEST(a_full_buffer_is_reported)
{
	struct mime *mime = mime_new();
	struct buffer small;

	buffer_init(&small, 20);
	ck_assert_int_eq(mime_convert(mime, SLICE(BINARY "\r\nx"), &small), -ENOBUFS);
	ck_assert_int_eq(mime_finish(mime, &small), -ENOBUFS);
	ck_assert_str_eq(mime_problem(mime), "");
	mime_free(&mime);
	buffer_free(&small);
}
END_TEST

START_TEST(converted_parts_hold_the_bytes_that_were_sent)
{
	static const char head[] = MIXED("b") "\r\n--b\r\n" BINARY "\r\n";
	struct buffer message;
	struct buffer expected;
	struct buffer found;
	uint32_t seed = 1;

	buffer_init(&message, 1 << 20);
	buffer_init(&expected, 1 << 20);
	buffer_init(&found, 1 << 20);
	buffer_append_string(&message, head);
	for (int i = 0; i < 100000; i++) {
		static const char likely[] = "\r\n--b\r\n-";
		char c;

		seed = seed * 1103515245 + 12345;
		c = (seed >> 30) == 0 ? (char)(seed >> 16) : likely[(seed >> 16) % 4];
		buffer_append(&message, &c, 1);
	}
	buffer_append_string(&message, "\r\n--b--\r\n");
	ck_assert_int_eq(convert_pieces(buffer_slice(&message), 1, 77), 0);
	ck_assert(reference_is_lines(buffer_slice(&out)));
	reference_read(buffer_slice(&message), &expected);
	reference_read(buffer_slice(&out), &found);
	ck_assert(slice_equal(buffer_slice(&expected), buffer_slice(&found)));
	buffer_free(&message);
	buffer_free(&expected);
	buffer_free(&found);
}
END_TEST

/* The boundary of a Content-Type, or NULL when it has none that is unmistakable. */
static const char *
boundary_of(const char *type)
{
	static char boundary[MIME_BOUNDARY_MAX + 1];
	struct mime_header header;
	char section[400];

	snprintf(section, sizeof(section), "Content-Type: %s\r\n\r\n", type);
	ck_assert_int_eq(mime_header_read(slice_from_string(section), false, &header), 0);
	if (header.kind != MIME_MULTIPART)
		return NULL;
	slice_to_string(slice_of(header.boundary, header.boundary_length), boundary, sizeof(boundary));
	return boundary;
}

START_TEST(a_boundary_is_read_as_rfc_2045_and_2231_have_it)
{
	static const struct {
		const char *type;
		const char *boundary;
	} cases[] = {
		{ "multipart/mixed; boundary=b", "b" },
		{ "MULTIPART / Mixed (c) ;\r\n\tBoundary (c) = (c) b (c)", NULL }, /* "b (c)" for some */
		{ "multipart (a) / (b) mixed (c (d) \\) e) ;\r\n\tBoundary (f) = \"b\" (g)", "b" },
		{ "multipart/mixed; boundary=\"a \\\"b\\\\; c\"; charset=x", "a \"b\\; c" },
		{ "multipart/mixed; boundary=\"a\r\n b\"", "a b" },
		{ "multipart/mixed; charset=\"boundary=x\"; boundary=----=_Part_1/2?:+' ,", NULL },
		{ "multipart/mixed; charset=\"boundary=x\"; boundary=----=_Part_1/2?:+',", "----=_Part_1/2?:+'," },
		{ "multipart/mixed;; type=text/html; boundary=b;", "b" },
		{ "multipart/mixed; boundary*0=a; boundary*1=\"b c\"", "ab c" },
		{ "multipart/mixed", NULL },
		{ "multipart/mixed; boundary", NULL },
		{ "multipart/mixed; boundary=", NULL },
		{ "multipart/mixed; boundary=\"\"", NULL },
		{ "multipart/mixed; boundary=\"b", NULL },
		{ "multipart/mixed; boundary=\"b \"", NULL },
		{ "multipart/mixed; boundary=\"b\" c", NULL },
		{ "multipart/mixed; boundary=a b", NULL },
		{ "multipart/mixed; boundary=\"\xc3\xbc\"", NULL },
		{ "multipart/mixed; boundary=b; name=\"x", NULL },
		{ "multipart/mixed; boundary=b; boundary=c", NULL },
		{ "multipart/mixed; boundary=b; boundary*0=c", NULL },
		{ "multipart/mixed; boundary*1=a; boundary*0=b", NULL },
		{ "multipart/mixed; boundary*=us-ascii''b", NULL },
		{ "multipart/mixed; boundary*0*=us-ascii''b", NULL },
		{ "multipart/mixed boundary=b", NULL },
		{ "multipart; boundary=b", NULL },
		{ "text/plain; boundary=b", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *boundary = boundary_of(cases[i].type);

		ck_assert_msg(boundary == NULL ? cases[i].boundary == NULL :
		              cases[i].boundary != NULL && strcmp(boundary, cases[i].boundary) == 0,
		              "%s: %s", cases[i].type, boundary == NULL ? "none" : boundary);
	}
}
END_TEST

START_TEST(a_boundary_has_up_to_70_characters)
{
	char type[200];

	snprintf(type, sizeof(type), "multipart/mixed; boundary=%070d", 0);
	ck_assert_ptr_nonnull(boundary_of(type));
	snprintf(type, sizeof(type), "multipart/mixed; boundary=\"%071d\"", 0);
	ck_assert_ptr_null(boundary_of(type));
}
END_TEST

UNIT_MAIN("mime",
	a_binary_message_becomes_base64_and_nothing_else_changes,
	a_message_without_binary_parts_stays_as_it_is,
	lines_have_76_characters,
	the_line_end_before_a_delimiter_is_no_part_of_the_content,
	content_that_resembles_a_delimiter_is_content,
	each_part_is_treated_by_its_own_label,
	a_multipart_or_message_that_is_labelled_binary_becomes_8bit,
	the_parts_of_a_digest_are_messages_unless_they_say_otherwise,
	a_delimiter_of_an_outer_multipart_ends_the_inner_ones,
	a_message_may_end_inside_of_a_part,
	what_is_no_line_outside_of_a_binary_part_is_refused,
	what_can_be_read_in_two_ways_is_refused,
	a_binary_part_that_must_not_be_encoded_is_refused,
	parts_may_be_nested_up_to_a_limit,
	messages_in_messages_take_no_memory,
	a_header_section_has_a_limit,
	blanks_behind_a_delimiter_have_a_limit,
	a_full_buffer_is_reported,
	converted_parts_hold_the_bytes_that_were_sent,
	a_boundary_is_read_as_rfc_2045_and_2231_have_it,
	a_boundary_has_up_to_70_characters)
