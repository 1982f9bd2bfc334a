/*
 * deliverd/job.h: decoding what queued sends, and the reply.
 */
#include "t/unit/deliver.h"

static const struct deliver_target two[] = {
	{ .path = "example.org/alice", .folder = "Junk", .quota = 5, .to = "alice@example.org" },
	{ .path = "example.org/carol" },
};

static struct buffer
encode(struct slice body, bool file, const struct deliver_target *targets, uint32_t count)
{
	struct buffer buffer;
	struct wire_writer writer;

	buffer_init(&buffer, DELIVER_FRAME_MAX);
	writer = wire_begin_bare(&buffer);
	deliver_put_job(&writer, "bob@example.net", body, file, targets, count);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	return buffer;
}

static int
decode(struct slice payload, int fd)
{
	struct wire_reader reader = wire_read(payload);
	struct job *job = NULL;
	int error = job_decode(&reader, fd, &job);

	job_free(&job);
	return error;
}

START_TEST(a_job_is_decoded_with_its_body_in_lf)
{
	struct job *job = deliver_job("bob@example.net", SLICE("A: b\r\n\r\nbody\r\n"), false, two, 2);

	ck_assert_uint_eq(job->id, 77);
	ck_assert_int_eq(job->arrival, 1700000000);
	ck_assert_str_eq(job->reverse_path, "bob@example.net");
	ck_assert(slice_equal(job->body, SLICE("A: b\n\nbody\n")));
	ck_assert_uint_eq(job->body_wire_size, 14);
	ck_assert_uint_eq(job->target_count, 2);
	ck_assert_str_eq(job->targets[0].path, "example.org/alice");
	ck_assert_str_eq(job->targets[0].folder, "Junk");
	ck_assert_uint_eq(job->targets[0].quota, 5);
	ck_assert_str_eq(job->targets[1].path, "example.org/carol");
	ck_assert_str_eq(job->targets[1].folder, "");
	ck_assert_int_eq(job->targets[1].state, TARGET_WAITING);
	job_free(&job);
}
END_TEST

START_TEST(a_job_that_ends_early_or_late_is_refused)
{
	struct buffer buffer = encode(SLICE("body\r\n"), false, two, 2);
	struct slice whole = buffer_slice(&buffer);

	for (size_t length = 0; length < whole.length; length++)
		ck_assert_int_eq(decode(slice_first(whole, length), -1), -EPROTO);
	ck_assert_int_eq(decode(whole, -1), 0);
	ck_assert_int_eq(buffer_append(&buffer, "x", 1), 0);
	ck_assert_int_eq(decode(buffer_slice(&buffer), -1), -EPROTO);
	buffer_free(&buffer);
}
END_TEST

START_TEST(a_job_without_targets_or_with_too_many_is_refused)
{
	struct deliver_target many[DELIVER_TARGETS_MAX + 1];
	struct buffer buffer;

	for (size_t i = 0; i < DELIVER_TARGETS_MAX + 1; i++)
		many[i] = two[1];
	buffer = encode(SLICE("x"), false, many, 0);
	ck_assert_int_eq(decode(buffer_slice(&buffer), -1), -EPROTO);
	buffer_free(&buffer);
	buffer = encode(SLICE("x"), false, many, DELIVER_TARGETS_MAX);
	ck_assert_int_eq(decode(buffer_slice(&buffer), -1), 0);
	buffer_free(&buffer);
	buffer = encode(SLICE("x"), false, many, DELIVER_TARGETS_MAX + 1);
	ck_assert_int_eq(decode(buffer_slice(&buffer), -1), -EPROTO);
	buffer_free(&buffer);
}
END_TEST

START_TEST(a_body_that_is_not_as_long_as_announced_is_refused)
{
	struct buffer buffer = encode(SLICE("longer than nothing"), true, two, 2);

	ck_assert_int_eq(decode(buffer_slice(&buffer), -1), -EPROTO);
	buffer_free(&buffer);
}
END_TEST

START_TEST(a_file_that_is_shorter_than_announced_is_no_violation)
{
	struct buffer buffer = encode(SLICE("longer than the file"), true, two, 2);

	/* Whoever wrote it may have cut it since: that is the message's trouble, not the channel's. */
	ck_assert_int_eq(decode(buffer_slice(&buffer), deliver_file(SLICE("short"))), 0);
	buffer_free(&buffer);
}
END_TEST

START_TEST(many_targets_after_a_string_without_an_end_are_refused)
{
	static const char zeros[DELIVER_TARGETS_MAX * 24];
	struct buffer buffer = encode(SLICE(""), false, two, 0);
	struct wire_writer writer;

	buffer_truncate(&buffer, buffer_length(&buffer) - 4);
	writer = wire_begin_bare(&buffer);
	wire_put_u32(&writer, DELIVER_TARGETS_MAX);
	wire_put_u32(&writer, UINT32_MAX);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	ck_assert_int_eq(buffer_append(&buffer, zeros, sizeof(zeros)), 0);
	ck_assert_int_eq(decode(buffer_slice(&buffer), -1), -EPROTO);
	buffer_free(&buffer);
}
END_TEST

START_TEST(a_descriptor_that_is_no_file_is_refused)
{
	struct buffer buffer = encode(SLICE("x"), true, two, 2);
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(decode(buffer_slice(&buffer), ends[0]), -EPROTO);
	ck_assert_int_eq(close(ends[0]), 0);
	close(ends[1]);
	buffer_free(&buffer);
}
END_TEST

START_TEST(a_nul_in_a_path_is_refused)
{
	struct buffer buffer;
	struct wire_writer writer;

	buffer_init(&buffer, 4096);
	writer = wire_begin_bare(&buffer);
	deliver_put_job(&writer, "", SLICE(""), false, two, 0);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	buffer_truncate(&buffer, buffer_length(&buffer) - 4);
	writer = wire_begin_bare(&buffer);
	wire_put_u32(&writer, 1);
	wire_put_slice(&writer, SLICE("example.org/al\0ice"));
	wire_put_u64(&writer, 0);
	for (int i = 0; i < 3; i++)
		wire_put_string(&writer, "");
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	ck_assert_int_eq(decode(buffer_slice(&buffer), -1), -EPROTO);
	buffer_free(&buffer);
}
END_TEST

START_TEST(the_reply_tells_each_target_in_its_order)
{
	struct job *job = deliver_job("", SLICE("x"), false, two, 2);
	struct buffer buffer;
	struct wire_writer writer;
	struct wire_reader reader;

	job->targets[0].outcome = outcome_delivered;
	job->targets[1].outcome = outcome_from_error(-ENOSPC);
	buffer_init(&buffer, 4096);
	writer = wire_begin_bare(&buffer);
	job_put_reply(job, &writer);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	reader = wire_read(buffer_slice(&buffer));
	ck_assert_uint_eq(wire_get_u32(&reader), 2);
	ck_assert_uint_eq(wire_get_u8(&reader), DELIVER_DONE);
	ck_assert(slice_equal(wire_get_slice(&reader), SLICE("2.1.5")));
	ck_assert(slice_equal(wire_get_slice(&reader), SLICE("delivered")));
	ck_assert_uint_eq(wire_get_u8(&reader), DELIVER_TEMPORARY);
	ck_assert(slice_equal(wire_get_slice(&reader), SLICE("4.3.1")));
	ck_assert(slice_equal(wire_get_slice(&reader), SLICE("no space for the message: No space left on device")));
	ck_assert(wire_done(&reader));
	buffer_free(&buffer);
	job_free(&job);
}
END_TEST

DELIVER_MAIN("deliver_job", a_job_is_decoded_with_its_body_in_lf, a_job_that_ends_early_or_late_is_refused,
             a_job_without_targets_or_with_too_many_is_refused, a_body_that_is_not_as_long_as_announced_is_refused, a_file_that_is_shorter_than_announced_is_no_violation,
             many_targets_after_a_string_without_an_end_are_refused, a_descriptor_that_is_no_file_is_refused, a_nul_in_a_path_is_refused,
             the_reply_tells_each_target_in_its_order)
