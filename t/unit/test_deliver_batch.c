/*
 * deliverd/batch.h: what is synced when, and what a failed sync means.
 */
#include "deliverd/batch.h"

#include "common/base/clock.h"
#include "t/unit/deliver.h"

static struct deliver_target
alice(void)
{
	return (struct deliver_target){ .path = "example.org/alice" };
}

static char calls[64];
static int failing_call; /* its number fails, from 1; 0: none */

static int
record(char what)
{
	size_t length = strlen(calls);

	ck_assert_uint_lt(length + 1, sizeof(calls));
	calls[length] = what;
	calls[length + 1] = '\0';
	return (int)length + 1 == failing_call ? -EIO : 0;
}

static int
record_sync_file(int fd)
{
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	return record(S_ISDIR(status.st_mode) ? 'd' : 'f');
}

static int
record_sync_all(int fd)
{
	ck_assert_int_eq(fd, deliver_store.root);
	return record('A');
}

static void
record_calls(int fail)
{
	calls[0] = '\0';
	failing_call = fail;
	deliver_batches.sync_file = record_sync_file;
	deliver_batches.sync_all = record_sync_all;
}

/* The mailbox is there, and its birth long synced. */
static void
make_settled(const char *path)
{
	struct mailbox *mailbox;
	struct deliver_target target = { .path = path };

	deliver_assert(deliver_one(deliver_small, target), DELIVER_DONE, "2.1.5");
	ck_assert_int_eq(mailbox_hold(deliver_store.mailboxes, path, "", clock_monotonic_ms(), &mailbox), 0);
	ck_assert(!mailbox->made);
	mailbox_release(&mailbox);
}

static unsigned
turn(struct job *job, struct job_list *done)
{
	struct job_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
	unsigned count = 0;
	struct job *finished;

	if (job != NULL)
		STAILQ_INSERT_TAIL(&jobs, job, next);
	batches_turn(&deliver_batches, &jobs, done);
	STAILQ_FOREACH(finished, done, next)
		count++;
	return count;
}

START_TEST(one_message_is_reported_after_its_file_and_its_directory_are_synced)
{
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	struct deliver_target target = alice();
	struct job *job;

	make_settled(target.path);
	record_calls(0);
	job = deliver_job("s@x", deliver_small, false, &target, 1);
	ck_assert_uint_eq(turn(job, &done), 0);
	ck_assert_str_eq(calls, "f");
	ck_assert_int_eq(job->targets[0].state, TARGET_VISIBLE);
	ck_assert_uint_eq(deliver_count("example.org/alice/new", NULL), 2);
	ck_assert(batches_pending(&deliver_batches));
	ck_assert_uint_eq(turn(NULL, &done), 1);
	ck_assert_str_eq(calls, "fd");
	deliver_assert(job->targets[0].outcome, DELIVER_DONE, "2.1.5");
	ck_assert(!batches_pending(&deliver_batches));
	job_free(&job);
}
END_TEST

START_TEST(the_sync_of_a_batch_is_also_that_of_the_moves_before_it)
{
	static const struct deliver_target three[] = { { .path = "a" }, { .path = "a" }, { .path = "a" } };
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	struct job *first;
	struct job *second;

	make_settled("a");
	record_calls(0);
	first = deliver_job("s@x", deliver_small, false, three, 3);
	second = deliver_job("s@x", deliver_small, false, three, 3);
	ck_assert_uint_eq(turn(first, &done), 0);
	ck_assert_str_eq(calls, "A");
	ck_assert_uint_eq(turn(second, &done), 1);
	ck_assert_str_eq(calls, "AA");
	ck_assert_ptr_eq(STAILQ_FIRST(&done), first);
	ck_assert_uint_eq(turn(NULL, &done), 2);
	ck_assert_str_eq(calls, "AAA");
	job_free(&first);
	job_free(&second);
}
END_TEST

START_TEST(a_new_mailbox_is_durable_with_all_that_leads_to_it)
{
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	struct deliver_target target = alice();
	struct job *job;

	record_calls(0);
	job = deliver_job("s@x", deliver_small, false, &target, 1);
	turn(job, &done);
	turn(NULL, &done);
	ck_assert_str_eq(calls, "Ad");
	job_free(&job);
}
END_TEST

START_TEST(after_a_failed_sync_of_its_file_a_message_is_nowhere)
{
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	struct deliver_target target = { .path = "a", .quota = 100000 };
	struct job *job;
	char text[256];

	make_settled("a");
	record_calls(1);
	job = deliver_job("s@x", deliver_small, false, &target, 1);
	ck_assert_uint_eq(turn(job, &done), 1);
	deliver_assert(job->targets[0].outcome, DELIVER_TEMPORARY, "4.3.0");
	ck_assert_uint_eq(deliver_count("a/tmp", NULL), 0);
	ck_assert_uint_eq(deliver_count("a/new", NULL), 1);
	deliver_read("a", "maildirsize", text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "\n-"));
	job_free(&job);
}
END_TEST

START_TEST(after_a_failed_sync_of_its_move_a_message_is_nowhere)
{
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	struct deliver_target target = { .path = "a" };
	struct job *job;

	make_settled("a");
	record_calls(2);
	job = deliver_job("s@x", deliver_small, false, &target, 1);
	turn(job, &done);
	ck_assert_uint_eq(turn(NULL, &done), 1);
	deliver_assert(job->targets[0].outcome, DELIVER_TEMPORARY, "4.3.0");
	ck_assert_uint_eq(deliver_count("a/new", NULL), 1);
	job_free(&job);
}
END_TEST

START_TEST(a_failed_sync_of_the_whole_fails_the_files_and_the_moves_that_it_was_for)
{
	static const struct deliver_target three[] = { { .path = "a" }, { .path = "a" }, { .path = "a" } };
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	struct job *first;
	struct job *second;

	make_settled("a");
	record_calls(2);
	first = deliver_job("s@x", deliver_small, false, three, 3);
	second = deliver_job("s@x", deliver_small, false, three, 3);
	turn(first, &done);
	ck_assert_uint_eq(turn(second, &done), 2);
	for (int i = 0; i < 3; i++) {
		deliver_assert(first->targets[i].outcome, DELIVER_TEMPORARY, "4.3.0");
		deliver_assert(second->targets[i].outcome, DELIVER_TEMPORARY, "4.3.0");
	}
	ck_assert_uint_eq(deliver_count("a/new", NULL), 1);
	ck_assert_uint_eq(deliver_count("a/tmp", NULL), 0);
	ck_assert(!batches_pending(&deliver_batches));
	job_free(&first);
	job_free(&second);
}
END_TEST

START_TEST(a_job_that_fails_whole_waits_for_nothing)
{
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	struct deliver_target target = { .path = "/etc" };
	struct job *job = deliver_job("s@x", deliver_small, false, &target, 1);

	record_calls(0);
	ck_assert_uint_eq(turn(job, &done), 1);
	ck_assert_str_eq(calls, "");
	job_free(&job);
}
END_TEST

DELIVER_MAIN("deliver_batch", one_message_is_reported_after_its_file_and_its_directory_are_synced,
             the_sync_of_a_batch_is_also_that_of_the_moves_before_it,
             a_new_mailbox_is_durable_with_all_that_leads_to_it,
             after_a_failed_sync_of_its_file_a_message_is_nowhere,
             after_a_failed_sync_of_its_move_a_message_is_nowhere,
             a_failed_sync_of_the_whole_fails_the_files_and_the_moves_that_it_was_for,
             a_job_that_fails_whole_waits_for_nothing)
