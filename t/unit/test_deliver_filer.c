/*
 * deliverd/filer.h: jobs go to the file thread and come back.
 */
#include "deliverd/filer.h"

#include <semaphore.h>

#include "t/unit/deliver.h"

static const struct slice body = { "Subject: x\r\n\r\nx\r\n", 18 };
static const struct deliver_target target = { .path = "example.org/alice" };

static struct event_base *base;
static struct filer *filer;
static unsigned finished;
static unsigned expected;

static void
on_finished(void *context, struct job *job)
{
	(void)context;
	ck_assert_int_eq(job->targets[0].outcome.result, DELIVER_DONE);
	job_free(&job);
	if (++finished == expected)
		filer_stop(filer);
}

static void
on_stopped(void *context)
{
	(void)context;
	event_base_loopbreak(base);
}

static const struct filer_callbacks callbacks = { .finished = on_finished, .stopped = on_stopped };

static void
start(void)
{
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	ck_assert_int_eq(filer_new(base, &deliver_store, &callbacks, NULL, &filer), 0);
}

static void
finish(void)
{
	ck_assert_int_ge(event_base_dispatch(base), 0);
	filer_free(&filer);
	ck_assert_ptr_null(filer);
	event_base_free(base);
}

START_TEST(every_job_comes_back_delivered)
{
	expected = 500;
	start();
	for (unsigned i = 0; i < expected; i++)
		filer_give(filer, deliver_job("s@x", body, false, &target, 1));
	finish();
	ck_assert_uint_eq(finished, 500);
	ck_assert_uint_eq(deliver_count("example.org/alice/new", NULL), 500);
	ck_assert_uint_eq(deliver_count("example.org/alice/tmp", NULL), 0);
}
END_TEST

START_TEST(stopping_reports_what_was_begun_and_forgets_the_rest)
{
	unsigned given = 2000;

	start();
	for (unsigned i = 0; i < given; i++)
		filer_give(filer, deliver_job("s@x", body, false, &target, 1));
	filer_stop(filer);
	finish();
	ck_assert_uint_lt(finished, given);
	ck_assert(finished == 0 || deliver_count("example.org/alice/new", NULL) == finished);
}
END_TEST

START_TEST(stopping_an_idle_thread_ends_it)
{
	start();
	filer_stop(filer);
	finish();
	ck_assert_uint_eq(finished, 0);
}
END_TEST

START_TEST(cancelled_jobs_do_not_come_back)
{
	size_t cancelled;
	unsigned given = 2000;

	start();
	for (unsigned i = 0; i < given; i++)
		filer_give(filer, deliver_job("s@x", body, false, &target, 1));
	cancelled = filer_cancel(filer);
	filer_stop(filer);
	finish();
	ck_assert_uint_eq(finished + cancelled, given);
}
END_TEST

/* ---- a disk that does not answer ---- */

static bool hangs;
static sem_t reached;
static sem_t answer;

/* In the place of the C library's. */
int
syncfs(int fd)
{
	(void)fd;
	if (hangs) {
		sem_post(&reached);
		sem_wait(&answer);
	}
	return 0;
}

START_TEST(a_thread_that_hangs_in_a_file_operation_is_seen)
{
	hangs = true;
	sem_init(&reached, 0, 0);
	sem_init(&answer, 0, 0);
	expected = 1;
	start();
	filer_give(filer, deliver_job("s@x", body, false, &target, 1));
	sem_wait(&reached);
	filer_still(filer);
	for (unsigned i = 1; i < 5; i++)
		ck_assert_uint_eq(filer_still(filer), i);
	sem_post(&answer);
	finish();
	ck_assert_uint_eq(finished, 1);
}
END_TEST

START_TEST(a_thread_without_work_does_not_hang)
{
	start();
	for (int i = 0; i < 1000 && filer_still(filer) != 0; i++)
		usleep(1000); /* it may not have come to wait yet */
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(filer_still(filer), 0);
	filer_stop(filer);
	finish();
}
END_TEST

DELIVER_MAIN("deliver_filer", every_job_comes_back_delivered, stopping_reports_what_was_begun_and_forgets_the_rest,
             stopping_an_idle_thread_ends_it, cancelled_jobs_do_not_come_back,
             a_thread_that_hangs_in_a_file_operation_is_seen, a_thread_without_work_does_not_hang)
