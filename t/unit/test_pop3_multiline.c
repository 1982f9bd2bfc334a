/*
 * pop3d/multiline.h: messages as multi-line responses, cut into pieces anywhere.
 */
#include "pop3d/multiline.h"

#include "t/unit/unit.h"

enum { SIZE = 512 };

static char out[MULTILINE_GROWTH * SIZE + MULTILINE_END_SIZE];

/* MESSAGE in pieces of at most PIECE bytes. */
static struct slice
transform(struct multiline *multiline, struct slice message, size_t piece)
{
	size_t length = 0;

	for (size_t at = 0; at < message.length && !multiline->done; at += piece)
		length += multiline_put(multiline, slice_first(slice_from(message, at), piece), out + length);
	length += multiline_end(multiline, out + length);
	return slice_of(out, length);
}

struct example {
	struct slice message;
	struct slice response;
	uint64_t octets;
};

#define EXAMPLE(message, response, octets) { { message, sizeof(message) - 1 }, { response, sizeof(response) - 1 }, octets }

static const struct example examples[] = {
	EXAMPLE("", ".\r\n", 0),
	EXAMPLE("\n", "\r\n.\r\n", 2),
	EXAMPLE("\r\n", "\r\n.\r\n", 2),
	EXAMPLE("a\nb\n", "a\r\nb\r\n.\r\n", 6),
	EXAMPLE("a\r\nb\r\n", "a\r\nb\r\n.\r\n", 6),
	/* dots */
	EXAMPLE(".\n..\n.a\na.\n", "..\r\n...\r\n..a\r\na.\r\n.\r\n", 15),
	EXAMPLE("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n", 9),
	EXAMPLE("a\r.\n", "a\r.\r\n.\r\n", 5),
	/* no line end at the end */
	EXAMPLE("a", "a\r\n.\r\n", 1),
	EXAMPLE(".", "..\r\n.\r\n", 1),
	EXAMPLE("a\r", "a\r\n.\r\n", 2),
	/* bare CRs and NULs are kept */
	EXAMPLE("a\rb\n\r\r\nc\r\r\n", "a\rb\r\n\r\r\nc\r\r\n.\r\n", 12),
	EXAMPLE("\0a\n\0\n", "\0a\r\n\0\r\n.\r\n", 7),
};

START_TEST(each_line_ends_with_crlf_and_each_dot_at_a_beginning_is_doubled_however_the_message_is_cut)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		for (size_t piece = 1; piece <= examples[i].message.length + 1; piece++) {
			struct multiline multiline = multiline_all();
			struct slice response = transform(&multiline, examples[i].message, piece);

			ck_assert_msg(slice_equal(response, examples[i].response), "example %zu in pieces of %zu: \"%.*s\"", i, piece,
			              (int)response.length, response.data);
			ck_assert_uint_eq(multiline.octets, examples[i].octets);
		}
	}
}
END_TEST

START_TEST(counting_gives_the_same_octets_as_sending)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		for (size_t piece = 1; piece <= examples[i].message.length + 1; piece++) {
			struct multiline multiline = multiline_all();

			for (size_t at = 0; at < examples[i].message.length; at += piece)
				multiline_count(&multiline, slice_first(slice_from(examples[i].message, at), piece));
			ck_assert_uint_eq(multiline.octets, examples[i].octets);
		}
	}
}
END_TEST

static void
assert_top(struct slice message, uint64_t lines, struct slice expected)
{
	for (size_t piece = 1; piece <= message.length + 1; piece++) {
		struct multiline multiline = multiline_top(lines);
		struct slice response = transform(&multiline, message, piece);

		ck_assert_msg(slice_equal(response, expected), "%.*s", (int)response.length, response.data);
	}
}

START_TEST(top_gives_the_header_the_empty_line_and_so_many_lines)
{
	struct slice lf = SLICE("A: b\n c\n\n.1\n2\n\n4\n");
	struct slice crlf = SLICE("A: b\r\n c\r\n\r\n.1\r\n2\r\n\r\n4\r\n");

	assert_top(lf, 0, SLICE("A: b\r\n c\r\n\r\n.\r\n"));
	assert_top(crlf, 0, SLICE("A: b\r\n c\r\n\r\n.\r\n"));
	assert_top(lf, 1, SLICE("A: b\r\n c\r\n\r\n..1\r\n.\r\n"));
	assert_top(crlf, 3, SLICE("A: b\r\n c\r\n\r\n..1\r\n2\r\n\r\n.\r\n"));
	assert_top(lf, 4, SLICE("A: b\r\n c\r\n\r\n..1\r\n2\r\n\r\n4\r\n.\r\n"));
	assert_top(lf, UINT64_MAX, SLICE("A: b\r\n c\r\n\r\n..1\r\n2\r\n\r\n4\r\n.\r\n"));
}
END_TEST

START_TEST(top_of_a_message_without_a_body_is_the_message)
{
	assert_top(SLICE("A: b\n"), 0, SLICE("A: b\r\n.\r\n"));
	assert_top(SLICE("A: b"), 5, SLICE("A: b\r\n.\r\n"));
	assert_top(SLICE(""), 0, SLICE(".\r\n"));
	assert_top(SLICE("\nbody\n"), 0, SLICE("\r\n.\r\n"));
	/* A line of one CR before its line end is not empty. */
	assert_top(SLICE("\r\r\nA: b\n\nbody\n"), 0, SLICE("\r\r\nA: b\r\n\r\n.\r\n"));
}
END_TEST

/* The same byte by byte. */
static struct slice
simply(struct slice message)
{
	static char plain[MULTILINE_GROWTH * SIZE + MULTILINE_END_SIZE];
	size_t length = 0;
	char last = '\n';

	for (size_t i = 0; i < message.length; i++) {
		char byte = message.data[i];

		if (last == '\n' && byte == '.')
			plain[length++] = '.';
		if (last != '\r' && byte == '\n')
			plain[length++] = '\r';
		plain[length++] = last = byte;
	}
	for (const char *end = last == '\n' ? ".\r\n" : "\r\n.\r\n"; *end != '\0'; end++)
		plain[length++] = *end;
	return slice_of(plain, length);
}

START_TEST(lines_of_every_length_come_out_whole_wherever_they_begin)
{
	static char message[SIZE];

	for (size_t line = 1; line < 70; line++) {
		for (size_t first = 0; first < line; first++) {
			struct multiline multiline = multiline_all();
			struct slice all = slice_of(message, sizeof(message) - first);

			for (size_t i = 0; i < sizeof(message); i++)
				message[i] = (i + first) % line == line - 1 ? '\n' : i % 11 == 0 ? '.' : (char)('a' + i % 26);
			message[all.length - 1] = 'z';
			ck_assert(slice_equal(transform(&multiline, all, first % 5 == 0 ? 33 : SIZE), simply(all)));
		}
	}
}
END_TEST

START_TEST(the_response_never_grows_beyond_its_bound)
{
	static char message[SIZE];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = i % 2 == 0 ? '.' : '\n';
	for (size_t piece = 1; piece < sizeof(message); piece += 7) {
		struct multiline multiline = multiline_all();

		ck_assert_uint_eq(transform(&multiline, slice_of(message, sizeof(message)), piece).length, 2 * sizeof(message) + 3);
	}
}
END_TEST

UNIT_MAIN("pop3_multiline", lines_of_every_length_come_out_whole_wherever_they_begin,
          each_line_ends_with_crlf_and_each_dot_at_a_beginning_is_doubled_however_the_message_is_cut,
          counting_gives_the_same_octets_as_sending, top_gives_the_header_the_empty_line_and_so_many_lines,
          top_of_a_message_without_a_body_is_the_message, the_response_never_grows_beyond_its_bound)
