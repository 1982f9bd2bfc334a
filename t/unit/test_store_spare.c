/*
 * The next segment's file, filled before it is needed: when it is used, and that its lack costs nothing.
 */
#include "t/unit/store_fixture.h"

#include "common/io/durable.h"
#include "queued/spare.h"

static struct {
	disk_done *done; /* of the fill that is under way, or NULL */
	void *context;
	unsigned count;
	int error;       /* what a fill is refused with */
} fill;

static int
spare_fill(struct disk *disk, int fd, disk_done *done, void *context)
{
	(void)disk;
	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_null(fill.done);
	fill.count++;
	if (fill.error != 0)
		return fill.error;
	fill.done = done;
	fill.context = context;
	return 0;
}

static void
answer_fill(int error)
{
	disk_done *done = fill.done;

	ck_assert_ptr_nonnull(done);
	fill.done = NULL;
	done(fill.context, error);
}

static void
setup(void)
{
	memset(&fill, 0, sizeof(fill));
	fixture_setup();
	fixture_close();
	fixture.disk.fill = spare_fill;
	fixture_open();
}

static bool
exists(const char *name)
{
	return access(fixture_path("segment", name), F_OK) == 0;
}

static uint64_t
add_large(void)
{
	static char bytes[SEGMENT_SIZE_MIN / 2];

	return fixture_add(1, slice_of(memset(bytes, 'x', sizeof(bytes)), sizeof(bytes)));
}

static void
check_found(uint64_t id)
{
	const struct message *message = store_find(fixture.store, id);
	struct record *record;

	ck_assert_ptr_nonnull(message);
	ck_assert_int_eq(store_read(fixture.store, message, &record), 0);
	record_release(&record);
}

START_TEST(the_segment_of_the_start_is_left_as_soon_as_a_filled_one_is_there)
{
	uint64_t first = fixture_add(1, SLICE("one")), second;

	fixture_settle();
	ck_assert(exists(SPARE_NAME));
	ck_assert(!exists("0000000000000003"));
	answer_fill(0);
	second = fixture_add(1, SLICE("two"));
	fixture_settle();
	ck_assert(exists("0000000000000003"));
	ck_assert_uint_eq(fill.count, 2); /* and the next one is under way */
	fill.done = NULL;
	fixture_restart();
	check_found(first);
	check_found(second);
}
END_TEST

START_TEST(a_segment_that_is_not_the_first_is_used_up_before_the_filled_one)
{
	uint64_t ids[3];

	ids[0] = add_large();
	fixture_settle();
	ids[1] = add_large(); /* the second segment of this run, begun without a filled one */
	fixture_settle();
	ck_assert(exists("0000000000000003"));
	answer_fill(0);
	fixture_add(1, SLICE("small"));
	fixture_settle();
	ck_assert(!exists("0000000000000004"));
	ids[2] = add_large();
	fixture_settle();
	ck_assert(exists("0000000000000004"));
	fill.done = NULL;
	fixture_restart();
	for (int i = 0; i < 3; i++)
		check_found(ids[i]);
}
END_TEST

START_TEST(a_fill_that_fails_costs_nothing_and_is_tried_again_with_the_next_segment)
{
	uint64_t id;

	answer_fill(-EIO);
	ck_assert(!exists(SPARE_NAME));
	add_large();
	id = add_large();
	fixture_settle();
	check_found(id);
	ck_assert_uint_eq(fixture.failed, 0);
	ck_assert(exists(SPARE_NAME));
	ck_assert_ptr_nonnull(fill.done);
}
END_TEST

START_TEST(a_syncer_that_cannot_be_asked_costs_nothing)
{
	uint64_t id;

	fill.done = NULL;
	fill.error = -ENOMEM;
	fixture_restart();
	ck_assert(!exists(SPARE_NAME));
	id = add_large();
	fixture_settle();
	check_found(id);
}
END_TEST

START_TEST(what_a_killed_process_left_is_removed_whatever_is_in_it)
{
	int fd;

	fixture_add(1, SLICE("one"));
	fixture_settle();
	fixture_close();
	fill = (typeof(fill)){ .error = -ENOMEM };
	fd = open(fixture_path("segment", SPARE_NAME), O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "ANGQUEUE", 8), 8);
	close(fd);
	fixture_open();
	ck_assert(!exists(SPARE_NAME));
	ck_assert_uint_eq(store_count(fixture.store), 1);
}
END_TEST

START_TEST(a_record_is_filled_up_with_zeros_to_the_end_of_a_block)
{
	char block[8192];
	int fd;

	answer_fill(0);
	fd = open(fixture_path("segment", SPARE_NAME), O_RDWR);
	memset(block, 'x', sizeof(block));
	ck_assert_int_eq(pwrite(fd, block, sizeof(block), SEGMENT_HEADER_SIZE), (ssize_t)sizeof(block));
	fixture_add(1, SLICE("one"));
	fixture_settle();
	ck_assert_int_eq(pread(fd, block, sizeof(block), SEGMENT_HEADER_SIZE), (ssize_t)sizeof(block));
	close(fd);
	ck_assert_int_eq(block[4095], '\0');
	ck_assert_int_eq(block[4096], 'x');
	fill.done = NULL;
}
END_TEST

START_TEST(filling_leaves_a_file_of_its_size_that_is_all_zeros)
{
	enum { SIZE = 2 * 1024 * 1024 + 4097 };
	char *bytes = malloc(SIZE + 1);
	int fd;

	fill.done = NULL;
	ck_assert_ptr_nonnull(bytes);
	fd = open(fixture_path("segment", "file"), O_RDWR | O_CREAT, 0600);
	memset(bytes, 'x', SIZE);
	ck_assert_int_eq(write(fd, bytes, SIZE), SIZE);
	ck_assert_int_eq(durable_fill(fd, SIZE), 0);
	ck_assert_int_eq(pread(fd, bytes, SIZE + 1, 0), SIZE);
	ck_assert_int_eq(bytes[0], '\0');
	ck_assert_mem_eq(bytes, bytes + 1, SIZE - 1);
	ck_assert_int_eq(durable_fill(-1, SIZE), -EBADF);
	close(fd);
	free(bytes);
}
END_TEST

UNIT_MAIN_WITH("store_spare", setup, fixture_teardown,
	the_segment_of_the_start_is_left_as_soon_as_a_filled_one_is_there,
	a_segment_that_is_not_the_first_is_used_up_before_the_filled_one,
	a_fill_that_fails_costs_nothing_and_is_tried_again_with_the_next_segment,
	a_syncer_that_cannot_be_asked_costs_nothing,
	what_a_killed_process_left_is_removed_whatever_is_in_it,
	a_record_is_filled_up_with_zeros_to_the_end_of_a_block,
	filling_leaves_a_file_of_its_size_that_is_all_zeros)
