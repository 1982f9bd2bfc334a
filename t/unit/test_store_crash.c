/*
 * Crash states of the queue's store: copies of a segment are cut off, zeroed, flipped, reordered and doubled at every place, and
 * recovery must find exactly what the untouched records say.
 */
#include "queued/scan.h"
#include "t/unit/store_fixture.h"

enum {
	RECORDS_MAX = 32,
	FACTS_MAX = 64,
	BLOCK = 512,
	GAP_STEP = 509, /* bytes: in the zeros between records, few of which are of interest */
};

/* Record RECORD says MARK about message ID. */
struct marking {
	size_t record;
	uint64_t id;
	enum message_mark mark;
};

/* What record RECORD says: recipient INDEX of message ID exists (WAITING), or has ended. */
struct fact {
	size_t record;
	uint64_t id;
	uint32_t index;
	enum recipient_state state;
};

static char original[SEGMENT_SIZE_MIN];
static char damaged[SEGMENT_SIZE_MIN];
static size_t used;
static struct scan_item records[RECORDS_MAX];
static size_t record_count;
static struct fact facts[FACTS_MAX];
static size_t fact_count;
static struct marking markings[2];

static void
state(uint64_t id, uint32_t first, uint32_t count, enum recipient_state what)
{
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_uint_lt(fact_count, FACTS_MAX);
		facts[fact_count++] = (struct fact){ record_count, id, first + i, what };
	}
}

/* One more record is on disk. */
static void
next_record(void)
{
	fixture_settle();
	record_count++;
}

static uint64_t
add(uint32_t recipients, struct slice body, struct slice ends)
{
	uint64_t id = fixture_add_ending(recipients, body, ends);

	state(id, 0, recipients, RECIPIENT_WAITING);
	return id;
}

static void
result(uint64_t id, uint32_t first, uint32_t count, enum recipient_state what)
{
	state(id, first, count, what);
	fixture_result(id, first, count, what);
	next_record();
}

static void
bounce(uint64_t id)
{
	struct payload_range range = { 0, 1 };
	struct buffer ends;

	buffer_init(&ends, 4096);
	ck_assert_int_eq(payload_results_begin(&ends), 0);
	ck_assert_int_eq(payload_results_add(&ends, id, RECIPIENT_BOUNCED, &range, 1), 0);
	state(id, 0, 1, RECIPIENT_BOUNCED);
	add(1, SLICE("your message could not be delivered"), buffer_slice(&ends));
	next_record();
	buffer_free(&ends);
}

/* The sender of message ID is warned: one record says that, and what he is told. */
static void
warn(uint64_t id)
{
	struct buffer ends;

	buffer_init(&ends, 4096);
	ck_assert_int_eq(payload_results_begin(&ends), 0);
	ck_assert_int_eq(payload_results_mark(&ends, id, MARK_WARNED), 0);
	markings[0] = (struct marking){ record_count, id, MARK_WARNED };
	add(1, SLICE("your message is late"), buffer_slice(&ends));
	next_record();
	buffer_free(&ends);
}

static void
hold(uint64_t id)
{
	store_mark(fixture.store, store_find(fixture.store, id), MARK_HELD);
	markings[1] = (struct marking){ record_count, id, MARK_HELD };
	next_record();
}

static void
read_original(void)
{
	int fd = open(fixture_path("segment", "0000000000000001"), O_RDONLY);
	struct segment_header header;
	struct scan_item item;
	struct scan scan;
	size_t count = 0;

	ck_assert_int_ge(fd, 0);
	memset(original, 0, sizeof(original));
	ck_assert_int_gt(read(fd, original, sizeof(original)), 0);
	close(fd);
	ck_assert_int_eq(segment_header_parse(slice_of(original, sizeof(original)), &header), 0);
	scan = scan_begin(slice_of(original, sizeof(original)), &header);
	while (scan_next(&scan, &item) == SCAN_RECORD) {
		used = item.offset + item.size;
		records[count++] = item;
	}
	ck_assert_uint_eq(count, record_count);
}

/* A little of everything; one record a turn, all in the first segment. */
static void
make_original(void)
{
	uint64_t delivered, deferred, expanded, bounced, half;

	fixture_setup();
	record_count = fact_count = 0;
	delivered = add(2, SLICE("delivered"), SLICE(""));
	next_record();
	deferred = add(1, SLICE("deferred"), SLICE(""));
	next_record();
	expanded = add(2, SLICE("expanded"), SLICE(""));
	next_record();
	bounced = add(1, SLICE("bounced"), SLICE(""));
	next_record();
	half = add(10, SLICE("half done"), SLICE(""));
	next_record();
	result(delivered, 0, 2, RECIPIENT_DELIVERED);
	fixture_defer(deferred, 3, 4444);
	next_record();
	state(expanded, 0, 1, RECIPIENT_EXPANDED);
	state(expanded, 2, 2, RECIPIENT_WAITING);
	fixture_expand(expanded, 0, 2);
	next_record();
	result(expanded, 3, 1, RECIPIENT_DELIVERED);
	bounce(bounced);
	result(half, 0, 3, RECIPIENT_DELIVERED);
	result(half, 5, 5, RECIPIENT_EXPIRED);
	warn(deferred);
	hold(half);
	read_original();
	fixture_close();
}

static void
write_segment(const char *bytes, size_t length)
{
	int fd;

	remove_tree(fixture_path("segment", "."));
	mkdir(fixture_path("segment", "."), 0700);
	remove_tree(fixture_path("damaged", "."));
	fd = open(fixture_path("segment", "0000000000000001"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* The final state that untouched records give INDEX, WAITING when they only open it, ABSENT when they say nothing. */
static enum recipient_state
expected_state(const bool *intact, uint64_t id, uint32_t index)
{
	enum recipient_state found = RECIPIENT_ABSENT;

	for (size_t i = 0; i < fact_count; i++)
		if (facts[i].id == id && facts[i].index == index && intact[facts[i].record] && facts[i].state > found)
			found = facts[i].state;
	return found;
}

/* MESSAGEs are the first five records, the bounce and the warning; their facts with WAITING at index 0 come from no other record. */
static bool
expected_known(const bool *intact, uint64_t id)
{
	for (size_t i = 0; i < fact_count; i++)
		if (facts[i].id == id && facts[i].index == 0 && facts[i].state == RECIPIENT_WAITING)
			return intact[facts[i].record];
	return false;
}

static uint32_t
expected_live(const bool *intact, uint64_t id)
{
	uint32_t live = 0;

	for (uint32_t index = 0; index < 16; index++)
		live += expected_state(intact, id, index) == RECIPIENT_WAITING;
	return live;
}

static void
compare_marks(const bool *intact)
{
	const struct message *late = store_find(fixture.store, markings[0].id);
	const struct message *held = store_find(fixture.store, markings[1].id);

	ck_assert(late == NULL || late->warned == intact[markings[0].record]);
	ck_assert(late == NULL || !late->held);
	ck_assert(held == NULL || held->held == intact[markings[1].record]);
	ck_assert(held == NULL || !held->warned);
}

static void
compare(const bool *intact)
{
	compare_marks(intact);
	for (size_t i = 0; i < fact_count; i++) {
		uint64_t id = facts[i].id;
		struct message *message = store_find(fixture.store, id);
		uint32_t live = expected_known(intact, id) ? expected_live(intact, id) : 0;

		ck_assert_uint_eq(message == NULL ? 0 : message->live, live);
		if (message != NULL)
			ck_assert_int_eq(message_state(message, facts[i].index), expected_state(intact, id, facts[i].index));
	}
}

static void
recover_and_compare(const char *bytes, size_t length)
{
	bool intact[RECORDS_MAX];

	for (size_t i = 0; i < record_count; i++) {
		size_t offset = records[i].offset;
		size_t meaning = RECORD_HEADER_SIZE + records[i].header.length; /* what fills it up to 8 bytes has none */

		intact[i] = offset + records[i].size <= length && memcmp(bytes + offset, original + offset, meaning) == 0;
	}
	write_segment(bytes, length);
	fixture_open();
	compare(intact);
	fixture_settle();
	fixture_restart(); /* what recovery wrote must not change anything */
	compare(intact);
	fixture_close();
}

/* Where to go on from AT: STEP further in a record and right behind it, and in larger steps up to the next one. */
static size_t
next_place(size_t at, size_t step)
{
	size_t stop = used + 1;

	for (size_t i = record_count; i-- > 0;) {
		if (at + step >= records[i].offset && at + step <= records[i].offset + records[i].size)
			return at + step;
		if (records[i].offset > at)
			stop = records[i].offset;
	}
	return at + GAP_STEP < stop ? at + GAP_STEP : stop;
}

START_TEST(the_untouched_segment_says_everything)
{
	recover_and_compare(original, used);
	recover_and_compare(original, sizeof(original));
}
END_TEST

START_TEST(a_segment_cut_off_at_any_byte_keeps_all_records_before)
{
	for (size_t length = 0; length < SEGMENT_HEADER_SIZE; length += 64)
		recover_and_compare(original, length);
	for (size_t length = SEGMENT_HEADER_SIZE; length <= used; length = next_place(length, 1))
		recover_and_compare(original, length);
}
END_TEST

START_TEST(zeros_from_any_byte_on_keep_all_records_before)
{
	for (size_t from = SEGMENT_HEADER_SIZE; from <= used; from = next_place(from, 1)) {
		memcpy(damaged, original, sizeof(damaged));
		memset(damaged + from, 0, sizeof(damaged) - from);
		recover_and_compare(damaged, sizeof(damaged));
	}
}
END_TEST

START_TEST(a_flipped_bit_anywhere_harms_only_its_own_record)
{
	for (size_t at = 0; at < used; at = at < SEGMENT_HEADER_SIZE ? at + 97 : next_place(at, 1)) {
		memcpy(damaged, original, sizeof(damaged));
		damaged[at] = (char)(damaged[at] ^ 1 << at % 8);
		recover_and_compare(damaged, sizeof(damaged));
	}
}
END_TEST

START_TEST(a_missing_block_anywhere_harms_only_the_records_in_it)
{
	for (size_t at = 0; at < used; at += BLOCK / 8) {
		memcpy(damaged, original, sizeof(damaged));
		memset(damaged + at, 0, BLOCK);
		recover_and_compare(damaged, sizeof(damaged));
	}
}
END_TEST

START_TEST(random_bytes_anywhere_harm_only_the_records_under_them)
{
	for (size_t at = SEGMENT_HEADER_SIZE; at < used; at = next_place(at, 3)) {
		memcpy(damaged, original, sizeof(damaged));
		for (size_t i = 0; i < 50; i++)
			damaged[at + i] = (char)(damaged[at + i] ^ (char)(1 + (at * 31 + i * 17) % 255));
		recover_and_compare(damaged, sizeof(damaged));
	}
}
END_TEST

START_TEST(damage_is_kept_once)
{
	memcpy(damaged, original, sizeof(damaged));
	damaged[records[2].offset + 50] ^= 1;
	write_segment(damaged, sizeof(damaged));
	for (size_t i = 0; i < 3; i++) {
		fixture_open();
		ck_assert_uint_eq(fixture_count_files("damaged"), 1);
		fixture_close();
	}
}
END_TEST

/* The segment with its records in another order, each COPIES times. */
static size_t
rearrange(size_t (*choose)(size_t), size_t copies)
{
	size_t at = SEGMENT_HEADER_SIZE;

	memset(damaged, 0, sizeof(damaged));
	memcpy(damaged, original, SEGMENT_HEADER_SIZE);
	for (size_t i = 0; i < record_count * copies; i++) {
		const struct scan_item *item = &records[choose(i % record_count)];

		memcpy(damaged + at, original + item->offset, item->size);
		at += item->size;
	}
	return at;
}

static size_t
backwards(size_t i)
{
	return record_count - 1 - i;
}

static size_t
shuffled(size_t i)
{
	return (i * 5 + 3) % record_count; /* 14 records: 5 and 14 have no common divisor */
}

static size_t
forwards(size_t i)
{
	return i;
}

static void
expect_all(size_t length)
{
	bool intact[RECORDS_MAX];

	memset(intact, 1, sizeof(intact));
	write_segment(damaged, length);
	fixture_open();
	compare(intact);
	fixture_settle();
	fixture_restart();
	compare(intact);
	fixture_close();
}

START_TEST(the_order_of_records_does_not_matter)
{
	ck_assert_uint_eq(record_count, 14);
	expect_all(rearrange(backwards, 1));
	expect_all(rearrange(shuffled, 1));
}
END_TEST

START_TEST(records_that_are_found_twice_count_once)
{
	expect_all(rearrange(forwards, 2));
	expect_all(rearrange(shuffled, 3));
}
END_TEST

START_TEST(records_count_wherever_their_segment_boundary_falls)
{
	bool intact[RECORDS_MAX];

	memset(intact, 1, sizeof(intact));
	for (size_t split = 0; split <= record_count; split++) {
		size_t begin = split == record_count ? used : records[split].offset;
		int fd;

		memcpy(damaged, original, SEGMENT_HEADER_SIZE);
		memcpy(damaged + SEGMENT_HEADER_SIZE, original + begin, used - begin);
		write_segment(original, begin);
		fd = open(fixture_path("segment", "0000000000000002"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		ck_assert_int_gt(write(fd, damaged, SEGMENT_HEADER_SIZE + used - begin), 0);
		close(fd);
		fixture_open();
		compare(intact);
		fixture_close();
	}
}
END_TEST

static void
teardown(void)
{
	remove_tree(fixture.directory);
}

int
main(void)
{
	Suite *suite = suite_create("store_crash");
	TCase *tests = tcase_create("store_crash");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 300);
	tcase_add_checked_fixture(tests, make_original, teardown);
	tcase_add_test(tests, the_untouched_segment_says_everything);
	tcase_add_test(tests, a_segment_cut_off_at_any_byte_keeps_all_records_before);
	tcase_add_test(tests, zeros_from_any_byte_on_keep_all_records_before);
	tcase_add_test(tests, a_flipped_bit_anywhere_harms_only_its_own_record);
	tcase_add_test(tests, a_missing_block_anywhere_harms_only_the_records_in_it);
	tcase_add_test(tests, random_bytes_anywhere_harm_only_the_records_under_them);
	tcase_add_test(tests, damage_is_kept_once);
	tcase_add_test(tests, the_order_of_records_does_not_matter);
	tcase_add_test(tests, records_that_are_found_twice_count_once);
	tcase_add_test(tests, records_count_wherever_their_segment_boundary_falls);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
