/*
 * For the tests of the scheduler: a clock, a table, delivery and relay workers, and a disk that the test drives.
 */
#ifndef ANGARIUM_TEST_SCHEDULE_FIXTURE_H
#define ANGARIUM_TEST_SCHEDULE_FIXTURE_H

#include "queued/active.h"
#include "queued/retry.h"
#include "queued/schedule_state.h"
#include "t/unit/store_fixture.h"

enum {
	QUESTIONS_MAX = 8192,
	JOBS_MAX = 8192,
	ADDRESS_SIZE_MAX = 321,
	RECIPIENTS_MAX = 5000,
	STARTED = 1800000000,
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

/* Workers of one kind. */
struct fake {
	struct transport transport; /* first */
	size_t credit;
	struct job *jobs[JOBS_MAX]; /* in the workers' hands, oldest first */
	size_t job_count;
};

static struct fake local;
static struct fake relay;

/* What is submitted. */
static struct slice letter;
static uint8_t letter_flags; /* enum envelope_flag */
static bool letter_in_file;

/* ---- what surrounds the scheduler ---- */

static inline int
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

static inline bool
worker_ready(struct transport *transport)
{
	const struct fake *fake = (const struct fake *)transport;

	return fake->job_count < fake->credit;
}

static inline int
worker_send(struct transport *transport, struct job *job)
{
	struct fake *fake = (struct fake *)transport;

	ck_assert_uint_lt(fake->job_count, fake->credit);
	fake->jobs[fake->job_count++] = job;
	return 0;
}

static inline void
fake_set(struct fake *fake, uint32_t credit)
{
	fake->transport = (struct transport){ .capacity = credit, .ready = worker_ready, .send = worker_send };
	fake->credit = credit;
}

static inline const struct config *
present_config(void *context)
{
	(void)context;
	return &config;
}

static inline int64_t
present_time(void *context)
{
	(void)context;
	return now;
}

static inline int64_t
present_ticks(void *context)
{
	(void)context;
	return (now - STARTED) * 1000;
}

static inline void
want_turn(void *context)
{
	(void)context;
	turn_wanted = true;
}

/*
 * The address' answer: "nobody@..." has no mailbox, "list@..." leads to three, "later@..." cannot be looked up; other domains than example.org are
 * remote; "smart..." domains lead to a smarthost, "refused.example" is refused and "void.example" thrown away.
 */
static inline void
answer_one(const struct question *question)
{
	struct expand_target targets[3] = { 0 };
	struct expand_answer answer = { .class = TABLE_LOCAL, .count = 1, .targets = targets };
	const char *names[] = { "one@example.org", "two@example.org", "far.away@elsewhere.example" };
	const char *domain = strchr(question->address, '@') + 1;

	targets[0] = (struct expand_target){ .kind = TABLE_TARGET_MAILBOX, .address = slice_from_string(question->address),
	                                     .path = SLICE("example.org/box") };
	if (strncmp(question->address, "nobody", 6) == 0) {
		answer = (struct expand_answer){ .class = TABLE_NO_USER };
	} else if (strncmp(question->address, "later", 5) == 0) {
		answer = (struct expand_answer){ .class = TABLE_TEMPORARY };
	} else if (strcmp(domain, "example.org") != 0) {
		answer.class = TABLE_REMOTE;
		targets[0] = (struct expand_target){ .kind = TABLE_TARGET_REMOTE, .address = slice_from_string(question->address) };
		if (strncmp(domain, "smart", 5) == 0)
			targets[0].route = (struct route){ .kind = ROUTE_SMTP, .port = 587, .host = SLICE("hub.example") };
		else if (strcmp(domain, "refused.example") == 0)
			targets[0].route.kind = ROUTE_REJECT;
		else if (strcmp(domain, "void.example") == 0)
			targets[0].route.kind = ROUTE_DISCARD;
	} else if (strncmp(question->address, "list", 4) == 0) {
		answer.class = TABLE_ALIAS;
		answer.count = 3;
		for (size_t i = 0; i < 3; i++)
			targets[i] = (struct expand_target){ .kind = i == 2 ? TABLE_TARGET_REMOTE : TABLE_TARGET_MAILBOX,
				.address = slice_from_string(names[i]), .path = i == 2 ? SLICE("") : SLICE("example.org/box") };
	}
	question->answered(question->context, &answer);
}

static inline void
answer_questions(void)
{
	static struct question taken[QUESTIONS_MAX];
	size_t count = question_count;

	memcpy(taken, questions, count * sizeof(taken[0]));
	question_count = 0;
	for (size_t i = 0; i < count; i++)
		answer_one(&taken[i]);
}

static inline void
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
static inline void
one_turn(void)
{
	turn_wanted = false;
	fixture.woken = false;
	schedule_turn(schedule);
	store_flush(fixture.store);
	fixture_answer(0);
}

/* Everything that can happen without time passing and without a worker's reply. */
static inline void
run(void)
{
	for (int turns = 0; turn_wanted || fixture.woken || question_count > 0 || fixture.sync_count > 0; turns++) {
		ck_assert_int_lt(turns, 20000);
		one_turn();
		answer_questions();
	}
}

/* The oldest job. */
static inline struct job *
take_job(struct fake *fake)
{
	struct job *job = fake->jobs[0];

	ck_assert_uint_gt(fake->job_count, 0);
	memmove(fake->jobs, fake->jobs + 1, --fake->job_count * sizeof(fake->jobs[0]));
	return job;
}

static inline void
report(struct job *job, enum job_result result, const char *status, const char *text, int found)
{
	struct verdict verdict = { .status = slice_from_string(status), .text = slice_from_string(text) };
	struct target *target;

	STAILQ_FOREACH(target, &job->targets, link)
		job_result(job, target, result, &verdict);
	if (found >= 0)
		destination_learn(job, (enum relay_destination)found, &verdict);
	job_end(job);
	schedule_transport_ready(schedule);
}

static inline void
finish_job(enum job_result result, const char *status, const char *text)
{
	report(take_job(&local), result, status, text, -1);
	run();
}

static inline void
relay_finish(enum relay_destination found, enum job_result result, const char *text)
{
	report(take_job(&relay), result, result == JOB_DONE ? "2.0.0" : result == JOB_TEMPORARY ? "4.4.1" : "5.0.0", text, (int)found);
	run();
}

static inline void
lose_job(struct fake *fake)
{
	job_lost(take_job(fake));
	run();
}

static inline void
deliver_all(void)
{
	while (local.job_count > 0)
		finish_job(JOB_DONE, "2.1.5", "");
}

static inline void
relay_all(void)
{
	while (relay.job_count > 0)
		relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "250 ok");
}

/* Time goes on to WHEN. */
static inline void
pass_to(int64_t when)
{
	now = when;
	turn_wanted = true;
	run();
}

static inline uint64_t
submit_from(const char *sender, const char *const *recipients, uint32_t count, uint8_t notify)
{
	static struct envelope_recipient list[RECIPIENTS_MAX];
	struct envelope envelope = { .sender = slice_from_string(sender), .flags = letter_flags, .recipient_count = count,
	                             .recipients = list };
	struct payload_range all = { 0, count };
	uint64_t id = store_take_ids(fixture.store, now * 1000000, 1);
	struct message *message = message_new(id);
	struct record *record;
	struct buffer encoded;

	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct envelope_recipient){ .address = slice_from_string(recipients[i]), .notify = notify };
	buffer_init(&encoded, 4 * 1024 * 1024);
	ck_assert_int_eq(envelope_encode(&envelope, &encoded), 0);
	record = payload_message(id, &(struct message_payload){ .arrival = now, .body_size = letter.length, .recipients = count,
		.body_in_file = letter_in_file, .sums = letter_in_file ? fixture_write_body(id, letter) : (struct body_sums){ 0 },
		.envelope = buffer_slice(&encoded), .body = letter_in_file ? SLICE("") : letter });
	buffer_free(&encoded);
	message->recipients = count;
	message->arrival = now;
	message->body_size = letter.length;
	message->body_in_file = letter_in_file;
	ck_assert_int_eq(message_open(message, &all), 0);
	store_add(fixture.store, message, record, NULL, NULL);
	fixture_settle();
	schedule_add(schedule, message, record);
	record_release(&record);
	return id;
}

static inline uint64_t
submit(const char *recipient)
{
	return submit_from("sender@example.org", &recipient, 1, 0);
}

static inline uint64_t
submit_many(uint32_t count)
{
	static const char *list[RECIPIENTS_MAX];

	for (uint32_t i = 0; i < count; i++)
		list[i] = "someone@example.org";
	return submit_from("sender@example.org", list, count, 0);
}

static inline void
setup_schedule(void)
{
	schedule = schedule_new(&(struct schedule_hooks){
		.store = fixture.store,
		.expander = &expander,
		.local = &local.transport,
		.remote = &relay.transport,
		.config = present_config,
		.now = present_time,
		.ticks = present_ticks,
		.wake = want_turn,
	});
	question_count = local.job_count = relay.job_count = 0;
}

static inline void
setup(void)
{
	fixture_setup();
	config_defaults(&config);
	strlcpy(config.hostname, "mx.example.org", sizeof(config.hostname));
	config.double_bounce_to[0] = '\0';
	config.delay_warning = 0;
	now = STARTED;
	letter = SLICE("Subject: x\r\n\r\ntext\r\n");
	letter_flags = 0;
	letter_in_file = false;
	expander.ask = ask;
	expander_down = false;
	fake_set(&local, 100);
	fake_set(&relay, 1000);
	setup_schedule();
}

/* What the workers had in hand is given back, so that nothing is left over. */
static inline void
take_down_schedule(void)
{
	local.credit = relay.credit = 0;
	expander_down = true;
	while (local.job_count > 0)
		job_lost(take_job(&local));
	while (relay.job_count > 0)
		job_lost(take_job(&relay));
	lose_questions();
	schedule_free(&schedule);
}

static inline void
teardown(void)
{
	take_down_schedule();
	fixture_teardown();
}

static inline void
schedule_one(void *context, struct message *message)
{
	(void)context;
	schedule_recovered(schedule, message);
}

/* As a kill and a start. */
static inline void
restart(void)
{
	take_down_schedule();
	fixture_restart();
	expander_down = false;
	local.credit = 100;
	relay.credit = 1000;
	setup_schedule();
	store_each(fixture.store, schedule_one, NULL);
	run();
}

static inline struct slice
job_sender(const struct job *job)
{
	return job->consignment->active->envelope.sender;
}

#endif
