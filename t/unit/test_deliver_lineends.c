/*
 * deliverd/lineends.h
 */
#include "deliverd/lineends.h"

#include "t/unit/unit.h"

/* Converts INPUT in pieces of PIECE bytes, in place, one byte before it, as message.c does. */
static struct slice
convert(struct slice input, size_t piece, char *out, struct lineends *lineends)
{
	char chunk[65];
	size_t used = 0;

	*lineends = (struct lineends){ 0 };
	while (input.length > 0) {
		struct slice first = slice_first(input, piece);
		size_t length;

		memcpy(chunk + 1, first.data, first.length);
		length = lineends_convert(lineends, slice_of(chunk + 1, first.length), chunk);
		memcpy(out + used, chunk, length);
		used += length;
		input = slice_from(input, first.length);
	}
	used += lineends_finish(lineends, out + used);
	return slice_of(out, used);
}

START_TEST(pairs_become_lf_and_nothing_else_changes_wherever_the_pieces_end)
{
	static const struct {
		struct slice wire;
		struct slice disk;
		uint64_t wire_size; /* as sent again */
	} cases[] = {
#define CASE(wire, disk, size) { SLICE(wire), SLICE(disk), size }
		CASE("", "", 0),
		CASE("a\r\nb\r\n", "a\nb\n", 6),
		CASE("\r\n\r\n\r\n", "\n\n\n", 6),
		CASE("a\nb", "a\nb", 4),
		CASE("a\rb", "a\rb", 3),
		CASE("a\r", "a\r", 2),
		CASE("\r", "\r", 1),
		CASE("\r\r\n", "\r\n", 2),
		CASE("a\r\r\r\nb", "a\r\r\nb", 5),
		CASE("\n\r", "\n\r", 3),
		CASE("\n\r\n", "\n\n", 4),
		CASE("a\0b\r\n", "a\0b\n", 5),
#undef CASE
	};
	struct lineends lineends;
	char out[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 1; piece <= 8; piece++) {
			struct slice disk = convert(cases[i].wire, piece, out, &lineends);

			ck_assert_msg(slice_equal(disk, cases[i].disk), "case %zu in pieces of %zu", i, piece);
			ck_assert_uint_eq(lineends.size, cases[i].disk.length);
			ck_assert_uint_eq(lineends.wire_size, cases[i].wire_size);
		}
	}
}
END_TEST

UNIT_MAIN("deliver_lineends", pairs_become_lf_and_nothing_else_changes_wherever_the_pieces_end)
