/*
 * The scheduler on a clock, a table, delivery workers and a disk that the test drives.
 */
#include "queued/active.h"
#include "queued/retry.h"
#include "queued/schedule_state.h"
#include "t/unit/store_fixture.h"

enum {
	QUESTIONS_MAX = 4096,
	JOBS_MAX = 4096,
	ADDRESS_SIZE_MAX = 321,
	RECIPIENTS_MAX = 5000,
};

struct question {
	char address[ADDRESS_SIZE_MAX];
	expand_answered *answered;
	void *context;
};

static struct config config;
static int64_t now;
static bool turn_wanted;
static struct schedule *schedule;

static struct expander expander;
static bool expander_down;
static struct question questions[QUESTIONS_MAX];
static size_t question_count;

static struct transport transport;
static size_t credit;
static struct job *jobs[JOBS_MAX]; /* in the workers' hands, oldest first */
static size_t job_count;

/* ---- what surrounds the scheduler ---- */

static int
ask(struct expander *self, struct slice address, expand_answered *answered, void *context)
{
	struct question *question = &questions[question_count];

	(void)self;
	if (expander_down)
		return -ENOTCONN;
	ck_assert_uint_lt(question_count++, QUESTIONS_MAX);
	ck_assert_int_eq(slice_to_string(address, question->address, sizeof(question->address)), 0);
	question->answered = answered;
	question->context = context;
	return 0;
}

static bool
worker_ready(struct transport *self)
{
	(void)self;
	return job_count < credit;
}

static int
worker_send(struct transport *self, struct job *job)
{
	(void)self;
	ck_assert_uint_lt(job_count, credit);
	jobs[job_count++] = job;
	return 0;
}

static const struct config *
present_config(void *context)
{
	(void)context;
	return &config;
}

static int64_t
present_time(void *context)
{
	(void)context;
	return now;
}

static void
want_turn(void *context)
{
	(void)context;
	turn_wanted = true;
}

/* The address' answer: "nobody@..." has no mailbox, "list@..." leads to three, "far@..." to another domain, "later@..." cannot be looked up. */
static void
answer_one(const struct question *question)
{
	struct expand_target targets[3];
	struct expand_answer answer = { .class = TABLE_LOCAL, .count = 1, .targets = targets };
	const char *names[] = { "one@example.org", "two@example.org", "far.away@elsewhere.example" };

	targets[0] = (struct expand_target){ .kind = TABLE_TARGET_MAILBOX, .address = slice_from_string(question->address),
	                                     .path = SLICE("example.org/box") };
	if (strncmp(question->address, "nobody", 6) == 0) {
		answer = (struct expand_answer){ .class = TABLE_NO_USER };
	} else if (strncmp(question->address, "far", 3) == 0) {
		answer = (struct expand_answer){ .class = TABLE_REMOTE };
	} else if (strncmp(question->address, "later", 5) == 0) {
		answer = (struct expand_answer){ .class = TABLE_TEMPORARY };
	} else if (strncmp(question->address, "list", 4) == 0) {
		answer.class = TABLE_ALIAS;
		answer.count = 3;
		for (size_t i = 0; i < 3; i++)
			targets[i] = (struct expand_target){ .kind = i == 2 ? TABLE_TARGET_REMOTE : TABLE_TARGET_MAILBOX,
				.address = slice_from_string(names[i]), .path = i == 2 ? SLICE("") : SLICE("example.org/box") };
	}
	question->answered(question->context, &answer);
}

static void
answer_questions(void)
{
	static struct question taken[QUESTIONS_MAX];
	size_t count = question_count;

	memcpy(taken, questions, count * sizeof(taken[0]));
	question_count = 0;
	for (size_t i = 0; i < count; i++)
		answer_one(&taken[i]);
}

static void
lose_questions(void)
{
	struct expand_answer lost = { .status = -ECONNRESET };
	size_t count = question_count;

	question_count = 0;
	expander_down = true;
	for (size_t i = 0; i < count; i++)
		questions[i].answered(questions[i].context, &lost);
}

/* One turn of the loop, with the disk's answers. */
static void
one_turn(void)
{
	turn_wanted = false;
	fixture.woken = false;
	schedule_turn(schedule);
	store_flush(fixture.store);
	fixture_answer(0);
}

/* Everything that can happen without time passing and without a worker's reply. */
static void
run(void)
{
	for (int turns = 0; turn_wanted || fixture.woken || question_count > 0 || fixture.sync_count > 0; turns++) {
		ck_assert_int_lt(turns, 20000);
		one_turn();
		answer_questions();
	}
}

static struct job *
take_job(void)
{
	struct job *job = jobs[0];

	ck_assert_uint_gt(job_count, 0);
	memmove(jobs, jobs + 1, --job_count * sizeof(jobs[0]));
	return job;
}

static void
finish_job(enum job_result result, const char *status, const char *text)
{
	struct job *job = take_job();
	struct target *target;

	STAILQ_FOREACH(target, &job->targets, link)
		job_result(job, target, result, &(struct verdict){ .status = slice_from_string(status), .text = slice_from_string(text) });
	job_end(job);
	schedule_transport_ready(schedule);
	run();
}

static void
lose_job(void)
{
	job_lost(take_job());
	run();
}

static void
deliver_all(void)
{
	while (job_count > 0)
		finish_job(JOB_DONE, "2.1.5", "");
}

static uint64_t
submit_from(const char *sender, const char *const *recipients, uint32_t count, uint8_t notify)
{
	static struct envelope_recipient list[RECIPIENTS_MAX];
	struct envelope envelope = { .sender = slice_from_string(sender), .recipient_count = count, .recipients = list };
	struct payload_range all = { 0, count };
	uint64_t id = store_take_ids(fixture.store, now * 1000000, 1);
	struct message *message = message_new(id);
	struct record *record;
	struct buffer encoded;

	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct envelope_recipient){ .address = slice_from_string(recipients[i]), .notify = notify };
	buffer_init(&encoded, 4 * 1024 * 1024);
	ck_assert_int_eq(envelope_encode(&envelope, &encoded), 0);
	record = payload_message(id, &(struct message_payload){ .arrival = now, .body_size = 20, .recipients = count,
		.envelope = buffer_slice(&encoded), .body = SLICE("Subject: x\r\n\r\ntext\r\n") });
	buffer_free(&encoded);
	message->recipients = count;
	message->arrival = now;
	message->body_size = 20;
	ck_assert_int_eq(message_open(message, &all), 0);
	store_add(fixture.store, message, record, NULL, NULL);
	fixture_settle();
	schedule_add(schedule, message, record);
	record_release(&record);
	return id;
}

static uint64_t
submit(const char *recipient)
{
	return submit_from("sender@example.org", &recipient, 1, 0);
}

static uint64_t
submit_many(uint32_t count)
{
	static const char *list[RECIPIENTS_MAX];

	for (uint32_t i = 0; i < count; i++)
		list[i] = "someone@example.org";
	return submit_from("sender@example.org", list, count, 0);
}

static void
setup_schedule(void)
{
	schedule = schedule_new(&(struct schedule_hooks){
		.store = fixture.store,
		.expander = &expander,
		.local = &transport,
		.config = present_config,
		.now = present_time,
		.wake = want_turn,
	});
	question_count = job_count = 0;
}

static void
setup(void)
{
	fixture_setup();
	config_defaults(&config);
	strlcpy(config.hostname, "mx.example.org", sizeof(config.hostname));
	config.double_bounce_to[0] = '\0';
	config.delay_warning = 0;
	now = 1800000000;
	expander.ask = ask;
	expander_down = false;
	transport = (struct transport){ .ready = worker_ready, .send = worker_send };
	credit = 100;
	setup_schedule();
}

/* What the workers had in hand is given back, so that nothing is left over. */
static void
take_down_schedule(void)
{
	credit = 0;
	expander_down = true;
	while (job_count > 0)
		job_lost(take_job());
	lose_questions();
	schedule_free(&schedule);
}

static void
teardown(void)
{
	take_down_schedule();
	fixture_teardown();
}

static void
schedule_one(void *context, struct message *message)
{
	(void)context;
	schedule_recovered(schedule, message);
}

/* As a kill and a start. */
static void
restart(void)
{
	take_down_schedule();
	fixture_restart();
	expander_down = false;
	credit = 100;
	setup_schedule();
	store_each(fixture.store, schedule_one, NULL);
	run();
}

static struct slice
job_sender(const struct job *job)
{
	return job->consignment->active->envelope.sender;
}

/* ---- delivery ---- */

START_TEST(a_message_is_handed_to_a_worker_and_is_over_when_it_is_delivered)
{
	uint64_t id = submit("user@example.org");

	run();
	ck_assert_uint_eq(job_count, 1);
	ck_assert_uint_eq(jobs[0]->count, 1);
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	deliver_all();
	ck_assert_ptr_null(store_find(fixture.store, id));
}
END_TEST

START_TEST(without_a_worker_messages_wait_and_go_when_one_comes)
{
	credit = 0;
	submit("user@example.org");
	submit("user@example.org");
	run();
	ck_assert_uint_eq(job_count, 0);
	credit = 1;
	schedule_transport_ready(schedule);
	run();
	ck_assert_uint_eq(job_count, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(many_recipients_go_in_jobs_of_a_hundred)
{
	submit_many(250);
	run();
	ck_assert_uint_eq(job_count, 3);
	ck_assert_uint_eq(jobs[0]->count, 100);
	ck_assert_uint_eq(jobs[2]->count, 50);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_to_thousands_does_not_hold_up_a_later_one)
{
	credit = 1;
	submit_many(RECIPIENTS_MAX);
	run();
	submit("single@example.org");
	run();
	finish_job(JOB_DONE, "2.1.5", "");
	if (jobs[0]->count != 1)
		finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_uint_eq(jobs[0]->count, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_list_is_expanded_once_and_its_targets_survive_a_restart)
{
	const char *recipients[] = { "list@example.org", "user@example.org" };
	uint64_t id = submit_from("sender@example.org", recipients, 2, 0);
	struct message *message;

	run();
	ck_assert_uint_eq(job_count, 1);
	ck_assert_uint_eq(jobs[0]->count, 3); /* the user and two of the list; the third is remote and bounces */
	restart();
	message = store_find(fixture.store, id);
	ck_assert_int_eq(message_state(message, 0), RECIPIENT_EXPANDED);
	ck_assert_uint_eq(message->index_count, 5);
	ck_assert_uint_eq(job_count, 1);
	ck_assert_uint_eq(jobs[0]->count, 3);
	deliver_all(); /* also the bounce for the remote one, which comes when the round ends */
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(targets_are_not_delivered_before_their_expansion_is_durable)
{
	submit("list@example.org");
	one_turn();
	answer_questions();
	store_flush(fixture.store);
	schedule_turn(schedule);
	ck_assert_uint_eq(job_count, 0);
	fixture_answer(0);
	schedule_turn(schedule);
	ck_assert_uint_eq(job_count, 1);
}
END_TEST

START_TEST(questions_that_were_lost_are_asked_again)
{
	submit("user@example.org");
	one_turn();
	ck_assert_uint_eq(question_count, 1);
	lose_questions();
	one_turn();
	ck_assert_uint_eq(question_count, 0);
	expander_down = false;
	schedule_expander_up(schedule);
	run();
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

/* ---- trying again ---- */

START_TEST(a_deferred_message_is_tried_again_when_it_is_due)
{
	uint64_t id = submit("user@example.org");
	int64_t due;

	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	ck_assert_uint_eq(job_count, 0);
	due = schedule_due(schedule);
	ck_assert_int_ge(due, now + 15 * 60);
	ck_assert_int_le(due, now + 16 * 60);
	now = due - 1;
	turn_wanted = true;
	run();
	ck_assert_uint_eq(job_count, 0);
	now = due;
	turn_wanted = true;
	run();
	ck_assert_uint_eq(job_count, 1);
	ck_assert_uint_eq(store_find(fixture.store, id)->attempts, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(attempts_and_the_next_time_survive_a_restart)
{
	uint64_t id = submit("user@example.org");
	int64_t due;

	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	due = schedule_due(schedule);
	fixture_settle();
	restart();
	ck_assert_uint_eq(job_count, 0);
	ck_assert_int_eq(schedule_due(schedule), due);
	ck_assert_uint_eq(store_find(fixture.store, id)->attempts, 1);
}
END_TEST

START_TEST(only_the_recipients_that_failed_are_tried_again)
{
	struct job *job;
	struct target *target;

	submit_many(3);
	run();
	job = take_job();
	STAILQ_FOREACH(target, &job->targets, link)
		job_result(job, target, target->index == 1 ? JOB_TEMPORARY : JOB_DONE, VERDICT("x", "later"));
	job_end(job);
	run();
	now = schedule_due(schedule);
	turn_wanted = true;
	run();
	ck_assert_uint_eq(jobs[0]->count, 1);
	ck_assert_uint_eq(STAILQ_FIRST(&jobs[0]->targets)->index, 1);
}
END_TEST

START_TEST(an_address_that_cannot_be_looked_up_is_tried_again_soon)
{
	submit("later@example.org");
	run();
	ck_assert_int_le(schedule_due(schedule), now + 60);
	ck_assert_uint_eq(store_count(fixture.store), 1);
}
END_TEST

START_TEST(an_address_that_cannot_be_looked_up_is_never_returned_for_its_age)
{
	submit("later@example.org");
	run();
	now += (int64_t)config.queue_lifetime + 24 * 3600;
	turn_wanted = true;
	run();
	ck_assert_uint_eq(job_count, 0); /* no bounce */
	ck_assert_uint_eq(store_count(fixture.store), 1);
	ck_assert_int_le(schedule_due(schedule), now + 15 * 60);
}
END_TEST

START_TEST(the_jobs_of_a_dead_worker_go_to_the_next_at_once)
{
	submit("user@example.org");
	run();
	lose_job();
	ck_assert_uint_eq(job_count, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_job_that_costs_two_workers_is_deferred)
{
	submit("user@example.org");
	run();
	lose_job();
	lose_job();
	ck_assert_uint_eq(job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 1);
	ck_assert_int_gt(schedule_due(schedule), now);
	ck_assert_int_lt(schedule_due(schedule), INT64_MAX);
}
END_TEST

START_TEST(nothing_is_handed_out_while_results_cannot_be_recorded)
{
	uint64_t id;

	credit = 0;
	id = submit("user@example.org");
	run();
	fixture_add(1, SLICE("x"));
	store_flush(fixture.store);
	fixture_answer(-EIO);
	ck_assert(store_is_broken(fixture.store));
	credit = 100;
	schedule_turn(schedule);
	ck_assert_uint_eq(job_count, 0);
	store_retry(fixture.store);
	fixture_settle();
	turn_wanted = true;
	run();
	deliver_all();
	ck_assert_ptr_null(store_find(fixture.store, id));
}
END_TEST

/* ---- giving up ---- */

START_TEST(a_permanent_failure_is_returned_to_the_sender)
{
	uint64_t id = submit("user@example.org");

	run();
	finish_job(JOB_PERMANENT, "5.2.1", "no");
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(job_count, 1); /* the bounce, to the sender */
	ck_assert_uint_eq(job_sender(jobs[0]).length, 0);
	ck_assert(slice_equal(STAILQ_FIRST(&jobs[0]->targets)->address, SLICE("sender@example.org")));
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_bounce_survives_a_restart_and_what_it_bounces_is_over)
{
	uint64_t id = submit("nobody@example.org");

	run();
	ck_assert_uint_eq(job_count, 1);
	restart();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(job_count, 1);
	ck_assert_uint_eq(job_sender(jobs[0]).length, 0);
}
END_TEST

START_TEST(a_null_reverse_path_never_gets_a_bounce)
{
	const char *recipient = "nobody@example.org";

	submit_from("", &recipient, 1, 0);
	run();
	ck_assert_uint_eq(job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(notify_decides_who_is_told)
{
	const char *recipient = "nobody@example.org";

	submit_from("sender@example.org", &recipient, 1, ENVELOPE_NOTIFY_NEVER);
	submit_from("sender@example.org", &recipient, 1, ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY);
	run();
	ck_assert_uint_eq(job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
	submit_from("sender@example.org", &recipient, 1, ENVELOPE_NOTIFY_FAILURE);
	run();
	ck_assert_uint_eq(job_count, 1);
}
END_TEST

START_TEST(a_bounce_that_leads_to_another_domain_ends)
{
	const char *recipient = "nobody@example.org";

	submit_from("far@elsewhere.example", &recipient, 1, 0);
	run();
	ck_assert_uint_eq(job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_is_returned_at_the_end_of_its_lifetime)
{
	uint64_t id = submit("user@example.org");
	int64_t end = now + config.queue_lifetime;
	size_t attempts = 0;

	run();
	while (store_find(fixture.store, id) != NULL) {
		ck_assert_uint_lt(attempts++, 200);
		finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
		if (store_find(fixture.store, id) == NULL)
			break;
		now = schedule_due(schedule);
		ck_assert_int_le(now, end);
		turn_wanted = true;
		run();
	}
	ck_assert_int_eq(now, end); /* the last attempt is at the very end */
	ck_assert_uint_ge(attempts, 70);
	ck_assert_uint_eq(job_count, 1);
	ck_assert_uint_eq(job_sender(jobs[0]).length, 0);
}
END_TEST

START_TEST(recipients_that_fail_together_are_one_bounce)
{
	const char *recipients[] = { "nobody1@example.org", "user@example.org", "nobody2@example.org" };

	submit_from("sender@example.org", recipients, 3, 0);
	run();
	ck_assert_uint_eq(job_count, 1);
	finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_uint_eq(job_count, 1); /* one */
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(thousands_of_failures_are_a_few_bounces)
{
	static const char *list[2500];

	for (size_t i = 0; i < 2500; i++)
		list[i] = "nobody@example.org";
	submit_from("sender@example.org", list, 2500, 0);
	run();
	ck_assert_uint_eq(job_count, 3);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_failed_disk_loses_no_bounce)
{
	uint64_t id = submit("nobody@example.org");

	one_turn();
	answer_questions();
	store_flush(fixture.store);
	fixture_answer(-EIO);
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	store_retry(fixture.store);
	fixture_answer(0);
	run();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(job_count, 1);
	restart();
	ck_assert_uint_eq(job_count, 1);
}
END_TEST

START_TEST(a_message_whose_record_is_damaged_is_removed_and_kept_aside)
{
	uint64_t id;
	struct place place;
	int fd;

	config.queue_memory = 0; /* read back */
	credit = 0;
	id = submit("user@example.org");
	place = store_find(fixture.store, id)->place;
	fd = open(fixture_path("segment", "0000000000000001"), O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "damage", 6, (off_t)place.offset + 50), 6);
	close(fd);
	run();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(fixture_count_files("damaged"), 1);
}
END_TEST

START_TEST(bodies_beyond_the_memory_limit_are_read_back)
{
	config.queue_memory = 0;
	for (size_t i = 0; i < 50; i++)
		submit("user@example.org");
	run();
	ck_assert_uint_eq(job_count, 50);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(messages_that_wait_for_a_worker_keep_within_the_memory_limit)
{
	size_t most = 0;

	config.queue_memory = 1000;
	credit = 0;
	for (size_t i = 0; i < 200; i++)
		submit("user@example.org");
	while (turn_wanted || fixture.woken || question_count > 0) {
		one_turn();
		most = schedule->memory > most ? schedule->memory : most;
		answer_questions();
	}
	ck_assert_uint_le(most, 1000 + 200); /* and one record more */
	ck_assert_uint_le(schedule->memory, 1000);
	credit = 200;
	schedule_transport_ready(schedule);
	run();
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_clock_that_is_set_back_while_the_queue_runs_delays_nothing_for_longer_than_an_interval)
{
	submit("user@example.org");
	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	now -= 30 * 24 * 3600;
	schedule_turn(schedule);
	ck_assert_int_le(schedule_due(schedule), now + 16 * 60);
	deliver_all();
}
END_TEST

/* ---- retry.c ---- */

START_TEST(retry_intervals_grow_with_age)
{
	ck_assert_int_eq(retry_next(&config, 0, 0, 0), 15 * 60);
	ck_assert_int_eq(retry_next(&config, 0, 4 * 3600 - 1, 0), 4 * 3600 - 1 + 15 * 60);
	ck_assert_int_gt(retry_next(&config, 0, 4 * 3600, 0), 4 * 3600 + 15 * 60);
	ck_assert_int_eq(retry_next(&config, 0, 4 * 24 * 3600, 0), 4 * 24 * 3600 + 2 * 3600);
}
END_TEST

START_TEST(a_clock_that_was_set_back_does_not_delay_for_longer_than_an_interval)
{
	ck_assert_int_le(retry_after_restart(&config, 0, 1000000, 100), 100 + 16 * 60);
	ck_assert_int_eq(retry_after_restart(&config, 0, 50, 100), 50);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tests = tcase_create("schedule");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_message_is_handed_to_a_worker_and_is_over_when_it_is_delivered);
	tcase_add_test(tests, without_a_worker_messages_wait_and_go_when_one_comes);
	tcase_add_test(tests, many_recipients_go_in_jobs_of_a_hundred);
	tcase_add_test(tests, a_message_to_thousands_does_not_hold_up_a_later_one);
	tcase_add_test(tests, a_list_is_expanded_once_and_its_targets_survive_a_restart);
	tcase_add_test(tests, targets_are_not_delivered_before_their_expansion_is_durable);
	tcase_add_test(tests, questions_that_were_lost_are_asked_again);
	tcase_add_test(tests, a_deferred_message_is_tried_again_when_it_is_due);
	tcase_add_test(tests, attempts_and_the_next_time_survive_a_restart);
	tcase_add_test(tests, only_the_recipients_that_failed_are_tried_again);
	tcase_add_test(tests, an_address_that_cannot_be_looked_up_is_tried_again_soon);
	tcase_add_test(tests, an_address_that_cannot_be_looked_up_is_never_returned_for_its_age);
	tcase_add_test(tests, the_jobs_of_a_dead_worker_go_to_the_next_at_once);
	tcase_add_test(tests, a_job_that_costs_two_workers_is_deferred);
	tcase_add_test(tests, nothing_is_handed_out_while_results_cannot_be_recorded);
	tcase_add_test(tests, a_permanent_failure_is_returned_to_the_sender);
	tcase_add_test(tests, a_bounce_survives_a_restart_and_what_it_bounces_is_over);
	tcase_add_test(tests, a_null_reverse_path_never_gets_a_bounce);
	tcase_add_test(tests, notify_decides_who_is_told);
	tcase_add_test(tests, a_bounce_that_leads_to_another_domain_ends);
	tcase_add_test(tests, a_message_is_returned_at_the_end_of_its_lifetime);
	tcase_add_test(tests, recipients_that_fail_together_are_one_bounce);
	tcase_add_test(tests, thousands_of_failures_are_a_few_bounces);
	tcase_add_test(tests, a_failed_disk_loses_no_bounce);
	tcase_add_test(tests, a_message_whose_record_is_damaged_is_removed_and_kept_aside);
	tcase_add_test(tests, bodies_beyond_the_memory_limit_are_read_back);
	tcase_add_test(tests, messages_that_wait_for_a_worker_keep_within_the_memory_limit);
	tcase_add_test(tests, a_clock_that_is_set_back_while_the_queue_runs_delays_nothing_for_longer_than_an_interval);
	tcase_add_test(tests, retry_intervals_grow_with_age);
	tcase_add_test(tests, a_clock_that_was_set_back_does_not_delay_for_longer_than_an_interval);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
