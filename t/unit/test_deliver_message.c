/*
 * Messages into mailboxes (deliverd/message.h, target.h, mailbox.h), and every way in which that can fail.
 */
#include <signal.h>
#include <sys/resource.h>

#include "common/base/clock.h"
#include "t/unit/deliver.h"

static struct deliver_target
alice(void)
{
	return (struct deliver_target){ .path = "example.org/alice" };
}

START_TEST(a_message_arrives_with_its_added_lines_in_lf_and_its_sizes_in_the_name)
{
	static const char expected[] = "Return-Path: <bob@example.net>\nDelivered-To: alice@example.org\n"
				       "Subject: hello\n\nHow are you?\n";
	char name[256];
	char text[512];
	struct maildir_name parsed;
	struct stat status;

	deliver_assert(deliver_one(deliver_small, alice()), DELIVER_DONE, "2.1.5");
	ck_assert_uint_eq(deliver_count("example.org/alice/new", name), 1);
	ck_assert_uint_eq(deliver_count("example.org/alice/tmp", NULL), 0);
	ck_assert_uint_eq(deliver_count("example.org/alice/cur", NULL), 0);
	deliver_read("example.org/alice/new", name, text, sizeof(text));
	ck_assert_str_eq(text, expected);
	ck_assert(maildir_name_parse(slice_from_string(name), &parsed));
	ck_assert_uint_eq(parsed.size, sizeof(expected) - 1);
	ck_assert_uint_eq(parsed.wire_size, sizeof(expected) - 1 + 5);
	ck_assert(slice_ends_nocase(parsed.unique, SLICE(".mail.example.org")));
	ck_assert_int_eq(fchdir(deliver_store.root), 0);
	ck_assert_int_eq(chdir("example.org/alice/new"), 0);
	ck_assert_int_eq(stat(name, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
}
END_TEST

START_TEST(the_null_reverse_path_and_quoted_addresses_are_written_as_paths)
{
	struct deliver_target target = { .path = "a", .to = "a b@example.org" };
	struct job *job = deliver_job("", deliver_small, false, &target, 1);
	char name[256];
	char text[512];

	deliver_now(job);
	deliver_assert(job->targets[0].outcome, DELIVER_DONE, "2.1.5");
	job_free(&job);
	deliver_count("a/new", name);
	deliver_read("a/new", name, text, sizeof(text));
	ck_assert_ptr_eq(strstr(text, "Return-Path: <>\nDelivered-To: \"a b\"@example.org\n"), text);
}
END_TEST

START_TEST(a_folder_is_made_as_maildir_plus_plus)
{
	struct deliver_target target = { .path = "example.org/alice", .folder = "Lists/angarium" };

	deliver_assert(deliver_one(deliver_small, target), DELIVER_DONE, "2.1.5");
	ck_assert_uint_eq(deliver_count("example.org/alice/.Lists.angarium/new", NULL), 1);
	ck_assert_uint_eq(deliver_count("example.org/alice/new", NULL), 0);
	ck_assert_int_eq(faccessat(deliver_store.root, "example.org/alice/.Lists.angarium/maildirfolder", F_OK, 0), 0);
}
END_TEST

START_TEST(one_body_goes_to_many_mailboxes_each_with_its_own_result)
{
	static const struct deliver_target targets[] = {
		{ .path = "a", .to = "a@x" }, { .path = "../b", .to = "b@x" },     { .path = "c", .to = "c@x" },
		{ .path = "d", .to = "\r\n" }, { .path = "e", .folder = "x..y" }, { .path = "a", .to = "f@x" },
	};
	struct job *job = deliver_job("s@x", deliver_small, false, targets, 6);

	deliver_now(job);
	deliver_assert(job->targets[0].outcome, DELIVER_DONE, "2.1.5");
	deliver_assert(job->targets[1].outcome, DELIVER_PERMANENT, "5.3.5");
	deliver_assert(job->targets[2].outcome, DELIVER_DONE, "2.1.5");
	deliver_assert(job->targets[3].outcome, DELIVER_PERMANENT, "5.3.5");
	deliver_assert(job->targets[4].outcome, DELIVER_PERMANENT, "5.3.5");
	deliver_assert(job->targets[5].outcome, DELIVER_DONE, "2.1.5");
	ck_assert_uint_eq(deliver_count("a/new", NULL), 2);
	ck_assert_uint_eq(deliver_count("c/new", NULL), 1);
	job_free(&job);
}
END_TEST

START_TEST(a_reverse_path_with_a_line_end_writes_no_line_of_its_own)
{
	struct deliver_target target = alice();
	struct job *job = deliver_job("x@y>\r\nBcc: z", deliver_small, false, &target, 1);

	deliver_now(job);
	deliver_assert(job->targets[0].outcome, DELIVER_PERMANENT, "5.3.5");
	job_free(&job);
}
END_TEST

START_TEST(a_message_that_was_here_before_is_a_loop)
{
	struct slice looped = SLICE("Received: x\r\nDelivered-To: other@example.org\r\ndelivered-to:  ALICE@example.org \r\n\r\n.\r\n");
	struct slice body_only = SLICE("Subject: x\r\n\r\nDelivered-To: alice@example.org\r\n");
	struct slice other = SLICE("Delivered-To: malice@example.org\r\n\r\n");

	deliver_assert(deliver_one(looped, alice()), DELIVER_PERMANENT, "5.4.6");
	deliver_assert(deliver_one(body_only, alice()), DELIVER_DONE, "2.1.5");
	deliver_assert(deliver_one(other, alice()), DELIVER_DONE, "2.1.5");
}
END_TEST

/* A body of several chunks whose CRs fall on their ends. */
static char *
large_body(size_t *length_r)
{
	size_t length = 3 * STORE_CHUNK + 1001;
	char *body = malloc(length);

	ck_assert_ptr_nonnull(body);
	memcpy(body, "Subject: large\r\n\r\n", 18);
	for (size_t i = 18; i < length; i++)
		body[i] = i % 64 == 63 ? '\r' : i % 64 == 0 ? '\n' : 'x';
	body[length - 1] = '\r';
	*length_r = length;
	return body;
}

START_TEST(a_large_body_is_converted_from_its_descriptor_for_every_mailbox)
{
	static const struct deliver_target targets[] = { { .path = "a" }, { .path = "b" }, { .path = "c" }, { .path = "d" } };
	size_t length;
	char *body = large_body(&length);
	struct job *job = deliver_job("s@x", slice_of(body, length), true, targets, 4);
	char name[256];
	char *text = malloc(length + 1024);
	char *disk = malloc(length);
	size_t disk_length = 0;
	size_t got;
	struct maildir_name parsed;

	for (size_t i = 0; i < length; i++)
		if (i + 1 == length || body[i] != '\r' || body[i + 1] != '\n')
			disk[disk_length++] = body[i];

	deliver_now(job);
	for (int i = 0; i < 4; i++) {
		char path[8];
		const char *next;

		deliver_assert(job->targets[i].outcome, DELIVER_DONE, "2.1.5");
		snprintf(path, sizeof(path), "%s/new", targets[i].path);
		ck_assert_uint_eq(deliver_count(path, name), 1);
		got = deliver_read(path, name, text, length + 1024);
		ck_assert(maildir_name_parse(slice_from_string(name), &parsed));
		ck_assert_uint_eq(parsed.size, got);
		next = strstr(text, "Subject: large\n\nx");
		ck_assert_ptr_nonnull(next);
		ck_assert_uint_eq(parsed.wire_size, (size_t)(next - text) + 2 + length);
		ck_assert_ptr_eq(next + disk_length, text + got);
		ck_assert_int_eq(memcmp(next, disk, disk_length), 0);
	}
	job_free(&job);
	free(body);
	free(text);
	free(disk);
}
END_TEST

/* Delivers JOB, whose body is damaged, to Alice. */
static void
deliver_damaged(struct job *job)
{
	deliver_now(job);
	deliver_assert(job->targets[0].outcome, DELIVER_DAMAGED, "4.3.0");
	ck_assert_uint_eq(deliver_count("example.org/alice/tmp", NULL), 0);
	ck_assert_uint_eq(deliver_count("example.org/alice/new", NULL), 0);
	job_free(&job);
}

START_TEST(a_body_that_was_cut_is_said_to_be_damaged_and_leaves_nothing)
{
	struct deliver_target target = alice();
	size_t length;
	char *body = large_body(&length);
	struct job *job = deliver_job("s@x", slice_of(body, length), true, &target, 1);

	ck_assert_int_eq(ftruncate(job->fd, (off_t)length - 5), 0);
	deliver_damaged(job);
	free(body);
}
END_TEST

START_TEST(a_bit_that_flipped_anywhere_in_a_body_is_found_and_leaves_nothing)
{
	struct deliver_target target = alice();
	size_t length;
	char *body = large_body(&length);
	const size_t places[] = { 0, STORE_CHUNK - 1, STORE_CHUNK, length / 2, length - 1 };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct job *job = deliver_job("s@x", slice_of(body, length), true, &target, 1);
		char byte = (char)(body[places[i]] ^ 1 << i);

		ck_assert_int_eq(pwrite(job->fd, &byte, 1, (off_t)places[i]), 1);
		deliver_damaged(job);
	}
	free(body);
}
END_TEST

START_TEST(a_body_that_cannot_be_read_is_tried_again)
{
	struct deliver_target target = alice();
	struct job *job = deliver_job("s@x", deliver_small, true, &target, 1);

	close(job->fd);
	job->fd = open(deliver_root, O_PATH);
	deliver_now(job);
	deliver_assert(job->targets[0].outcome, DELIVER_TEMPORARY, "4.3.0");
	job_free(&job);
}
END_TEST

START_TEST(a_disk_that_takes_no_more_defers_and_leaves_nothing)
{
	static const struct deliver_target targets[] = { { .path = "a" }, { .path = "b", .quota = 1000000 } };
	struct rlimit limit = { 50, 50 };
	struct job *job;
	char text[256];

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	job = deliver_job("s@x", deliver_small, false, targets, 2);
	deliver_now(job);
	deliver_assert(job->targets[0].outcome, DELIVER_TEMPORARY, "4.3.1");
	deliver_assert(job->targets[1].outcome, DELIVER_TEMPORARY, "4.3.1");
	ck_assert_uint_eq(deliver_count("a/tmp", NULL), 0);
	ck_assert_uint_eq(deliver_count("a/new", NULL), 0);
	ck_assert_uint_eq(deliver_count("b/tmp", NULL), 0);
	deliver_read("b", "maildirsize", text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "\n-")); /* what was counted was taken back */
	job_free(&job);
}
END_TEST

START_TEST(a_full_mailbox_defers_or_refuses_as_configured_and_only_what_does_not_fit)
{
	struct deliver_target target = { .path = "q", .quota = 150 };
	struct job *job;

	deliver_assert(deliver_one(deliver_small, target), DELIVER_DONE, "2.1.5");
	deliver_assert(deliver_one(deliver_small, target), DELIVER_TEMPORARY, "4.2.2");
	job = deliver_job("s@x", deliver_small, false, &target, 1);
	job->over_quota = CONFIG_OVER_QUOTA_REJECT;
	deliver_now(job);
	deliver_assert(job->targets[0].outcome, DELIVER_PERMANENT, "5.2.2");
	job_free(&job);
	deliver_assert(deliver_one(SLICE("x\r\n"), (struct deliver_target){ .path = "q", .quota = 150, .to = "a@x" }), DELIVER_DONE,
	               "2.1.5");
	ck_assert_uint_eq(deliver_count("q/new", NULL), 2);
	ck_assert_uint_eq(deliver_count("q/tmp", NULL), 0);
}
END_TEST

START_TEST(a_large_body_that_does_not_fit_leaves_nothing)
{
	struct deliver_target target = { .path = "q", .quota = STORE_CHUNK };
	size_t length;
	char *body = large_body(&length);
	struct job *job = deliver_job("s@x", slice_of(body, length), true, &target, 1);

	deliver_now(job);
	deliver_assert(job->targets[0].outcome, DELIVER_TEMPORARY, "4.2.2");
	ck_assert_uint_eq(deliver_count("q/tmp", NULL), 0);
	ck_assert_uint_eq(deliver_count("q/new", NULL), 0);
	job_free(&job);
	free(body);
}
END_TEST

START_TEST(a_symbolic_link_in_a_mailbox_leads_nowhere)
{
	bool made;

	ck_assert_int_eq(mkdirat(deliver_store.root, "outside", 0700), 0);
	ck_assert_int_eq(maildir_make(deliver_store.root, "new-link", "", &made), 0);
	ck_assert_int_eq(unlinkat(deliver_store.root, "new-link/new", AT_REMOVEDIR), 0);
	ck_assert_int_eq(symlinkat("../outside", deliver_store.root, "new-link/new"), 0);
	ck_assert_int_eq(maildir_make(deliver_store.root, "tmp-link", "", &made), 0);
	ck_assert_int_eq(unlinkat(deliver_store.root, "tmp-link/tmp", AT_REMOVEDIR), 0);
	ck_assert_int_eq(symlinkat("../outside", deliver_store.root, "tmp-link/tmp"), 0);
	ck_assert_int_eq(symlinkat("outside", deliver_store.root, "whole-link"), 0);
	deliver_assert(deliver_one(deliver_small, (struct deliver_target){ .path = "new-link" }), DELIVER_TEMPORARY, "4.3.5");
	deliver_assert(deliver_one(deliver_small, (struct deliver_target){ .path = "tmp-link" }), DELIVER_TEMPORARY, "4.3.5");
	deliver_assert(deliver_one(deliver_small, (struct deliver_target){ .path = "whole-link" }), DELIVER_TEMPORARY, "4.3.5");
	deliver_assert(deliver_one(deliver_small, (struct deliver_target){ .path = "whole-link/x" }), DELIVER_TEMPORARY, "4.3.5");
	ck_assert_uint_eq(deliver_count("outside", NULL), 0);
}
END_TEST

START_TEST(a_mailbox_that_was_removed_while_open_is_made_again)
{
	deliver_assert(deliver_one(deliver_small, alice()), DELIVER_DONE, "2.1.5");
	ck_assert_int_eq(renameat(deliver_store.root, "example.org/alice", deliver_store.root, "old"), 0);
	ck_assert_int_eq(unlinkat(deliver_store.root, "old/tmp", AT_REMOVEDIR), 0);
	deliver_assert(deliver_one(deliver_small, alice()), DELIVER_DONE, "2.1.5");
	ck_assert_uint_eq(deliver_count("example.org/alice/new", NULL), 1);
}
END_TEST

START_TEST(a_mailbox_that_was_moved_away_is_noticed)
{
	struct mailbox *before;
	struct mailbox *after;
	int64_t now = clock_monotonic_ms();

	ck_assert_int_eq(mailbox_hold(deliver_store.mailboxes, "a", "", now, &before), 0);
	ck_assert_int_eq(mailbox_hold(deliver_store.mailboxes, "a", "", now + MAILBOX_RECHECK_MS, &after), 0);
	ck_assert_ptr_eq(before, after);
	mailbox_release(&after);
	ck_assert_int_eq(renameat(deliver_store.root, "a", deliver_store.root, "b"), 0);
	ck_assert_int_eq(mailbox_hold(deliver_store.mailboxes, "a", "", now + 2 * MAILBOX_RECHECK_MS, &after), 0);
	ck_assert_ptr_ne(before, after);
	mailbox_release(&before);
	mailbox_release(&after);
	ck_assert_uint_eq(deliver_count("a/new", NULL), 0);
}
END_TEST

START_TEST(more_mailboxes_than_are_kept_open_are_served)
{
	char path[16];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 30; i++) {
			snprintf(path, sizeof(path), "box%d", i);
			deliver_assert(deliver_one(deliver_small, (struct deliver_target){ .path = path }), DELIVER_DONE, "2.1.5");
		}
	ck_assert_uint_eq(deliver_count("box0/new", NULL), 2);
	ck_assert_uint_eq(deliver_count("box29/new", NULL), 2);
	/* tmp, new and top of each that is open, and a few besides */
	ck_assert_int_lt(dup(0), 3 * 8 + 20);
}
END_TEST

DELIVER_MAIN("deliver_message", a_message_arrives_with_its_added_lines_in_lf_and_its_sizes_in_the_name,
             the_null_reverse_path_and_quoted_addresses_are_written_as_paths,
             a_folder_is_made_as_maildir_plus_plus, one_body_goes_to_many_mailboxes_each_with_its_own_result,
             a_reverse_path_with_a_line_end_writes_no_line_of_its_own,
             a_message_that_was_here_before_is_a_loop,
             a_large_body_is_converted_from_its_descriptor_for_every_mailbox,
             a_body_that_was_cut_is_said_to_be_damaged_and_leaves_nothing,
             a_bit_that_flipped_anywhere_in_a_body_is_found_and_leaves_nothing, a_body_that_cannot_be_read_is_tried_again,
             a_disk_that_takes_no_more_defers_and_leaves_nothing,
             a_full_mailbox_defers_or_refuses_as_configured_and_only_what_does_not_fit,
             a_large_body_that_does_not_fit_leaves_nothing, a_symbolic_link_in_a_mailbox_leads_nowhere,
             a_mailbox_that_was_removed_while_open_is_made_again, a_mailbox_that_was_moved_away_is_noticed,
             more_mailboxes_than_are_kept_open_are_served)
