/*
 * Records and segments: what is written is read back, and what was damaged is found.
 */
#include <errno.h>

#include "common/base/checksum.h"
#include "queued/scan.h"
#include "t/unit/unit.h"

enum { SEGMENT = 8192 };

static char segment[SEGMENT];
static size_t used;

static void
begin_segment(uint64_t salt)
{
	segment_header_encode(&(struct segment_header){ .number = 7, .salt = salt, .id = 99, .created = 5 }, segment);
	memset(segment + SEGMENT_HEADER_SIZE, 0, sizeof(segment) - SEGMENT_HEADER_SIZE);
	used = SEGMENT_HEADER_SIZE;
}

static size_t
put_record(uint64_t id, struct slice payload, uint64_t salt)
{
	struct record *record = record_new(RECORD_MESSAGE, id, payload.length);
	size_t at = used;

	memcpy(record_payload(record), payload.data, payload.length);
	record_seal(record, salt, id + 100);
	memcpy(segment + used, record->image, record->size);
	used += record->size;
	record_release(&record);
	return at;
}

static struct scan
scan_segment(void)
{
	struct segment_header header;
	bool known = segment_header_parse(slice_of(segment, sizeof(segment)), &header) == 0;

	return scan_begin(slice_of(segment, sizeof(segment)), known ? &header : NULL);
}

static void
expect_record(struct scan *scan, uint64_t id)
{
	struct scan_item item;

	ck_assert_int_eq(scan_next(scan, &item), SCAN_RECORD);
	ck_assert_uint_eq(item.header.id, id);
}

static void
expect_damage(struct scan *scan, size_t offset, size_t size)
{
	struct scan_item item;

	ck_assert_int_eq(scan_next(scan, &item), SCAN_DAMAGE);
	ck_assert_uint_eq(item.offset, offset);
	ck_assert_uint_eq(item.size, size);
}

static void
expect_end(struct scan *scan)
{
	struct scan_item item;

	ck_assert_int_eq(scan_next(scan, &item), SCAN_END);
}

START_TEST(a_record_that_was_sealed_is_read_back)
{
	struct record_header header;
	struct slice payload;

	begin_segment(42);
	put_record(3, SLICE("hello"), 42);
	ck_assert_int_eq(record_parse(slice_of(segment + SEGMENT_HEADER_SIZE, 4096), NULL, &header, &payload), 0);
	ck_assert_uint_eq(header.id, 3);
	ck_assert_uint_eq(header.sequence, 103);
	ck_assert_uint_eq(header.type, RECORD_MESSAGE);
	ck_assert(slice_equal(payload, SLICE("hello")));
}
END_TEST

START_TEST(a_flipped_bit_anywhere_in_a_record_is_found)
{
	struct record_header header;
	struct slice payload;
	size_t size;

	begin_segment(42);
	put_record(3, SLICE("hello"), 42);
	size = RECORD_HEADER_SIZE + 5;
	for (size_t bit = 0; bit < size * 8; bit++) {
		segment[SEGMENT_HEADER_SIZE + bit / 8] = (char)(segment[SEGMENT_HEADER_SIZE + bit / 8] ^ 1 << bit % 8);
		ck_assert_int_eq(record_parse(slice_of(segment + SEGMENT_HEADER_SIZE, 4096), NULL, &header, &payload), -EBADMSG);
		segment[SEGMENT_HEADER_SIZE + bit / 8] = (char)(segment[SEGMENT_HEADER_SIZE + bit / 8] ^ 1 << bit % 8);
	}
}
END_TEST

START_TEST(a_length_that_leads_outside_is_no_record)
{
	struct record_header header;
	struct slice payload;

	begin_segment(42);
	put_record(3, SLICE("hello"), 42);
	for (uint64_t length = 5; length <= UINT32_MAX; length = length * 2 + 1) {
		struct slice bytes = slice_of(segment + SEGMENT_HEADER_SIZE, RECORD_HEADER_SIZE + 8);

		little_put_u32(segment + SEGMENT_HEADER_SIZE + 8, (uint32_t)length);
		ck_assert_int_eq(record_parse(bytes, NULL, &header, &payload), length == 5 ? 0 : -EBADMSG);
	}
}
END_TEST

START_TEST(a_segment_header_is_read_from_either_copy_and_not_from_none)
{
	struct segment_header header;

	begin_segment(42);
	segment[20] ^= 1;
	ck_assert_int_eq(segment_header_parse(slice_of(segment, sizeof(segment)), &header), 0);
	ck_assert_uint_eq(header.number, 7);
	ck_assert_uint_eq(header.salt, 42);
	ck_assert_uint_eq(header.id, 99);
	segment[SEGMENT_HEADER_COPY + 20] ^= 1;
	ck_assert_int_eq(segment_header_parse(slice_of(segment, sizeof(segment)), &header), -EBADMSG);
	for (size_t length = 0; length < 48; length++)
		ck_assert_int_eq(segment_header_parse(slice_of(segment, length), &header), -EBADMSG);
}
END_TEST

START_TEST(the_scan_finds_all_records_and_passes_over_zeros)
{
	struct scan scan;

	begin_segment(42);
	put_record(1, SLICE("one"), 42);
	used += 512;
	put_record(2, SLICE("two"), 42);
	scan = scan_segment();
	expect_record(&scan, 1);
	expect_record(&scan, 2);
	expect_end(&scan);
}
END_TEST

START_TEST(a_segment_of_another_version_is_not_taken_for_a_damaged_one)
{
	struct segment_header header;

	begin_segment(42);
	little_put_u32(segment + 8, 1);
	ck_assert_int_eq(segment_header_parse(slice_of(segment, SEGMENT_HEADER_COPY), &header), -EBADMSG);
	little_put_u32(segment + 12, 0);
	little_put_u32(segment + 12, checksum_crc32c(0, segment, 48));
	ck_assert_int_eq(segment_header_parse(slice_of(segment, sizeof(segment)), &header), -EPROTONOSUPPORT);
}
END_TEST

START_TEST(a_damaged_record_is_reported_and_the_next_one_found)
{
	struct scan scan;
	size_t at;

	begin_segment(42);
	put_record(1, SLICE("one"), 42);
	at = put_record(2, SLICE("twotwotw"), 42);
	put_record(3, SLICE("three"), 42);
	segment[at + RECORD_HEADER_SIZE] ^= 1;
	scan = scan_segment();
	expect_record(&scan, 1);
	expect_damage(&scan, at, RECORD_HEADER_SIZE + 8);
	expect_record(&scan, 3);
	expect_end(&scan);
}
END_TEST

START_TEST(a_record_image_inside_a_damaged_body_is_not_taken_for_a_record)
{
	char forged[RECORD_HEADER_SIZE + 8];
	struct scan scan;
	size_t at;

	begin_segment(1);
	put_record(666, SLICE("forged!"), 1); /* by somebody who does not know the salt */
	memcpy(forged, segment + SEGMENT_HEADER_SIZE, sizeof(forged));
	begin_segment(42);
	at = put_record(1, slice_of(forged, sizeof(forged)), 42);
	put_record(2, SLICE("two"), 42);
	segment[at + 8] ^= 1;
	scan = scan_segment();
	ck_assert_int_eq(scan_next(&scan, &(struct scan_item){ 0 }), SCAN_DAMAGE);
	expect_record(&scan, 2);
	expect_end(&scan);
}
END_TEST

START_TEST(without_a_header_the_salt_of_the_first_record_counts)
{
	struct scan scan;

	begin_segment(42);
	put_record(1, SLICE("one"), 42);
	put_record(2, SLICE("old"), 41);
	put_record(3, SLICE("three"), 42);
	memset(segment, 0, SEGMENT_HEADER_SIZE);
	scan = scan_segment();
	expect_record(&scan, 1);
	ck_assert_int_eq(scan_next(&scan, &(struct scan_item){ 0 }), SCAN_DAMAGE);
	expect_record(&scan, 3);
	expect_end(&scan);
}
END_TEST

START_TEST(a_segment_cut_off_anywhere_gives_what_is_whole)
{
	size_t ends[3];

	begin_segment(42);
	for (uint64_t i = 0; i < 3; i++) {
		put_record(i, SLICE("some payload"), 42);
		ends[i] = used;
	}
	for (size_t length = 0; length <= used; length++) {
		struct segment_header header;
		bool known = segment_header_parse(slice_of(segment, length), &header) == 0;
		struct scan scan = scan_begin(slice_of(segment, length), known ? &header : NULL);
		struct scan_item item;
		enum scan_result found;
		size_t records = 0, whole = 0;

		while ((found = scan_next(&scan, &item)) != SCAN_END)
			records += found == SCAN_RECORD;
		for (size_t i = 0; i < 3; i++)
			whole += length >= ends[i];
		ck_assert_uint_eq(records, whole);
	}
}
END_TEST

UNIT_MAIN("record",
	a_record_that_was_sealed_is_read_back,
	a_flipped_bit_anywhere_in_a_record_is_found,
	a_length_that_leads_outside_is_no_record,
	a_segment_header_is_read_from_either_copy_and_not_from_none,
	the_scan_finds_all_records_and_passes_over_zeros,
	a_segment_of_another_version_is_not_taken_for_a_damaged_one,
	a_damaged_record_is_reported_and_the_next_one_found,
	a_record_image_inside_a_damaged_body_is_not_taken_for_a_record,
	without_a_header_the_salt_of_the_first_record_counts,
	a_segment_cut_off_anywhere_gives_what_is_whole)
