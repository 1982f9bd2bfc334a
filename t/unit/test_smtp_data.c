/*
 * The framing of DATA, the soundness of lines, and the header section: each whole, and cut at every place.
 */

#include "common/base/buffer.h"
#include "smtpd/data.h"
#include "smtpd/headers.h"
#include "smtpd/text.h"
#include "t/unit/unit.h"

/*
 * Decodes INPUT in pieces of STEP bytes. Returns how many bytes were taken up to the end, and the text in OUT.
 */
static size_t
decode(struct slice input, size_t step, struct buffer *out, bool *ended_r)
{
	struct data data;
	size_t used = 0;

	data_begin(&data);
	buffer_clear(out);
	while (used < input.length && !data_ended(&data)) {
		struct slice part = slice_first(slice_from(input, used), step);
		struct slice piece;

		used += data_decode(&data, part, &piece);
		buffer_append_slice(out, piece);
	}
	*ended_r = data_ended(&data);
	return used;
}

static const struct {
	const char *input;
	const char *output;
	bool ended;
	size_t rest; /* bytes after the end */
} framings[] = {
	{ ".\r\n", "", true, 0 },
	{ ".\r\nNOOP\r\n", "", true, 6 },
	{ "text\r\n.\r\n", "text\r\n", true, 0 },
	{ "..\r\n.\r\n", ".\r\n", true, 0 },
	{ ".text\r\n..text\r\n.\r\n", "text\r\n.text\r\n", true, 0 },
	{ "a.b\r\n.\r\n", "a.b\r\n", true, 0 },
	{ "a\n.\r\nb", "a\n.\r\nb", false, 0 },
	{ "a\n.\nb", "a\n.\nb", false, 0 },
	{ "a\r.\r\nb", "a\r.\r\nb", false, 0 },
	{ "a\r\n.\rb", "a\r\n\rb", false, 0 },
	{ "a\r\n.\nb", "a\r\n\nb", false, 0 },
	{ "a\r\n.\r\r\nb", "a\r\n\r\r\nb", false, 0 },
	{ "a\r\n.\r.\r\nb", "a\r\n\r.\r\nb", false, 0 },
	{ "\r\n\r\n.\r\n", "\r\n\r\n", true, 0 },
	{ "\r\r\n.\r\n", "\r\r\n", true, 0 },
	{ "a\r\n..\r\n.\r\n", "a\r\n.\r\n", true, 0 },
};

START_TEST(only_crlf_dot_crlf_ends_the_data_wherever_it_is_cut)
{
	struct buffer out;

	buffer_init(&out, 1000);
	for (size_t i = 0; i < sizeof(framings) / sizeof(framings[0]); i++) {
		struct slice input = slice_from_string(framings[i].input);

		for (size_t step = 1; step <= input.length; step++) {
			bool ended;
			size_t used = decode(input, step, &out, &ended);

			ck_assert_msg(ended == framings[i].ended, "%zu", i);
			ck_assert_uint_eq(used, input.length - framings[i].rest);
			ck_assert_msg(slice_equal(buffer_slice(&out), slice_from_string(framings[i].output)), "%zu", i);
		}
	}
	buffer_free(&out);
}
END_TEST

START_TEST(bare_line_ends_and_nul_are_faults_wherever_the_text_is_cut)
{
	static const struct {
		struct slice text;
		unsigned faults;
	} cases[] = {
		{ { "a\r\nb\r\n", 6 }, 0 },
		{ { "", 0 }, 0 },
		{ { "\r\n", 2 }, 0 },
		{ { "a\nb", 3 }, TEXT_BARE_LF },
		{ { "\n", 1 }, TEXT_BARE_LF },
		{ { "a\rb", 3 }, TEXT_BARE_CR },
		{ { "a\r", 2 }, TEXT_BARE_CR },
		{ { "\r\r\n", 3 }, TEXT_BARE_CR },
		{ { "\r\n\n", 3 }, TEXT_BARE_LF },
		{ { "a\0b", 3 }, TEXT_NUL },
		{ { "\n\r", 2 }, TEXT_BARE_LF | TEXT_BARE_CR },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t step = 1; step <= cases[i].text.length + 1; step++) {
			struct text text;

			text_begin(&text);
			for (size_t at = 0; at < cases[i].text.length; at += step)
				text_check(&text, slice_first(slice_from(cases[i].text, at), step));
			text_end(&text);
			ck_assert_msg(text.faults == cases[i].faults, "%zu %zu", i, step);
		}
	}
}
END_TEST

START_TEST(eight_bit_text_is_seen_and_no_fault)
{
	struct text text;

	text_begin(&text);
	text_check(&text, SLICE("abc\r\n"));
	ck_assert(!text.eight_bit);
	ck_assert(!text.in_line);
	text_check(&text, SLICE("\x80"));
	ck_assert(text.eight_bit);
	ck_assert(text.in_line);
	ck_assert_uint_eq(text.faults, 0);
}
END_TEST

static const struct {
	const char *message;
	size_t length; /* of the header section without the empty line */
	unsigned received;
	bool date;
	bool message_id;
	bool fields;
	bool done;
} sections[] = {
	{ "Date: x\r\nMessage-Id: y\r\n\r\nDate: z\r\n", 24, 0, true, true, true, true },
	{ "Received: a\r\n b\r\n\tReceived: c\r\nreceived : d\r\n\r\n", 45, 2, false, false, true, true },
	{ "\r\nReceived: a\r\n", 0, 0, false, false, false, true },
	{ "no field\r\nDate: x\r\n", 0, 0, false, false, false, true },
	{ "Subject: x\r\nno field\r\nDate: x\r\n", 12, 0, false, false, true, true },
	{ " folded\r\n", 0, 0, false, false, false, true },
	{ ": x\r\n", 0, 0, false, false, false, true },
	{ "Da\xc3te: x\r\n", 0, 0, false, false, false, true },
	{ "Date:\r\n", 7, 0, true, false, true, false },
	{ "Received", 0, 0, false, false, false, false },
	{ "A: b\r\nReceiv", 6, 0, false, false, true, false },
	{ "", 0, 0, false, false, false, false },
};

START_TEST(the_end_of_the_header_is_found_wherever_the_message_is_cut)
{
	struct buffer out;

	buffer_init(&out, 1000);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		struct slice message = slice_from_string(sections[i].message);

		for (size_t step = 1; step <= message.length + 1; step++) {
			struct headers headers;
			size_t at = 0;

			headers_begin(&headers);
			buffer_clear(&out);
			while (at < message.length && headers.state != HEADERS_DONE) {
				size_t used;

				ck_assert_int_eq(headers_pass(&headers, slice_first(slice_from(message, at), step), &out, &used), 0);
				at += used;
			}
			ck_assert_msg(buffer_length(&out) == sections[i].length, "%zu %zu", i, step);
			ck_assert_uint_eq(headers.received, sections[i].received);
			ck_assert(headers.date == sections[i].date);
			ck_assert(headers.message_id == sections[i].message_id);
			ck_assert(headers.fields == sections[i].fields);
			ck_assert((headers.state == HEADERS_DONE) == sections[i].done);
			/* Nothing is lost: what was passed, what is held, and the rest are the message. */
			buffer_append_slice(&out, headers_held(&headers));
			buffer_append_slice(&out, slice_from(message, at));
			ck_assert(slice_equal(buffer_slice(&out), message));
		}
	}
	buffer_free(&out);
}
END_TEST

START_TEST(a_name_without_end_is_no_field)
{
	struct headers headers;
	struct buffer out;
	char name[1000];
	size_t used;

	memset(name, 'x', sizeof(name));
	buffer_init(&out, 10000);
	headers_begin(&headers);
	ck_assert_int_eq(headers_pass(&headers, slice_of(name, sizeof(name)), &out, &used), 0);
	ck_assert_int_eq(headers.state, HEADERS_DONE);
	ck_assert_uint_eq(used, 0);
	headers_begin(&headers);
	for (size_t i = 0; i < sizeof(name) && headers.state != HEADERS_DONE; i++)
		headers_pass(&headers, slice_of(name, 1), &out, &used);
	ck_assert_int_eq(headers.state, HEADERS_DONE);
	ck_assert_uint_lt(headers_held(&headers).length, HEADERS_NAME_MAX);
	buffer_free(&out);
}
END_TEST

UNIT_MAIN("smtp_data",
	only_crlf_dot_crlf_ends_the_data_wherever_it_is_cut,
	bare_line_ends_and_nul_are_faults_wherever_the_text_is_cut,
	eight_bit_text_is_seen_and_no_fault,
	the_end_of_the_header_is_found_wherever_the_message_is_cut,
	a_name_without_end_is_no_field)
