/*
 * tabled/saslprep.h.
 */
#include "t/unit/unit.h"
#include "tabled/saslprep.h"

static void
becomes(const char *text, const char *expected)
{
	char memory[64];
	struct slice prepared = saslprep(slice_from_string(text), memory, sizeof(memory));

	ck_assert_msg(slice_equal(prepared, slice_from_string(expected)), "\"%s\" became \"%.*s\"", text, (int)prepared.length,
	              prepared.data);
}

START_TEST(the_examples_of_rfc_4013_become_what_it_says)
{
	becomes("I\xc2\xadX", "IX");
	becomes("user", "user");
	becomes("USER", "USER");
	becomes("\xc2\xaa", "a");
	becomes("\xe2\x85\xa8", "IX");
}
END_TEST

START_TEST(what_looks_the_same_is_the_same)
{
	becomes("pa\xcc\x88ss", "p\xc3\xa4ss");
	becomes("p\xc3\xa4ss", "p\xc3\xa4ss");
	becomes("a\xc2\xa0" "b", "a b");
	becomes("\xef\xbc\xa1", "A");
}
END_TEST

START_TEST(what_cannot_be_prepared_stays_as_it_is)
{
	becomes("", "");
	becomes("a\x07", "a\x07");
	becomes("p\xe4ss", "p\xe4ss");                       /* Latin-1 */
	becomes("\xc0\xafx", "\xc0\xafx");                   /* overlong */
	becomes("\xd8\xa7" "1", "\xd8\xa7" "1");             /* both directions */
	becomes("\xee\x80\x80", "\xee\x80\x80");             /* private use */
	becomes("\xc2\xad", "\xc2\xad");                     /* nothing would be left */
	becomes("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");     /* an emoji */
}
END_TEST

START_TEST(a_text_without_room_stays_as_it_is)
{
	char memory[8];
	struct slice text = SLICE("\xef\xb7\xba\xef\xb7\xba"); /* ligatures of 18 letters */
	struct slice prepared = saslprep(text, memory, sizeof(memory));

	ck_assert_ptr_eq(prepared.data, text.data);
	ck_assert_uint_eq(prepared.length, text.length);
}
END_TEST

UNIT_MAIN("saslprep", the_examples_of_rfc_4013_become_what_it_says, what_looks_the_same_is_the_same,
          what_cannot_be_prepared_stays_as_it_is, a_text_without_room_stays_as_it_is)
