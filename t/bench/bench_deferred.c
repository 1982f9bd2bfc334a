/*
 * What a queue full of deferred mail costs:
 *
 *   bench_deferred fill SPOOL COUNT DOMAINS
 *   bench_deferred open SPOOL
 *
 * "fill" makes a spool with COUNT small messages that were deferred, in turn to DOMAINS domains, and are due within the next two hours. "open" recovers
 * it as queued does when it starts, and prints the seconds that took, the bytes of memory for each message, and the microseconds until a new message for yet
 * another domain is handed out while a hundredth of the deferred ones are due. Syncs are left out: they are the disk's speed.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/log.h"
#include "common/mail/config.h"
#include "queued/payload_deferral.h"
#include "queued/schedule_state.h"
#include "queued/store.h"

enum {
	SEGMENT_SIZE = 64 * 1024 * 1024, /* bytes */
	TURN = 1000,                     /* messages written at once */
	SOON = 2 * 3600,                 /* seconds within which they are due */
	DUE_PART = 100,
	CREDIT = 2048,
	ASKED = 1024,
	TURNS_MAX = 100000,
};

static struct config config;
static struct store *store;
static struct schedule *schedule;
static int64_t start;
static uint64_t sent;    /* jobs */
static bool found;       /* the new message was handed out */
static uint64_t count;

static void
fatal(const char *what, int error)
{
	fprintf(stderr, "bench_deferred: %s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- what surrounds the store ---- */

struct answer {
	disk_done *done;
	void *context;
};

static struct answer answers[64];
static size_t answer_count;

static int
sync_nothing(struct disk *disk, int fd, enum disk_what what, disk_done *done, void *context)
{
	(void)disk;
	(void)fd;
	(void)what;
	if (answer_count == sizeof(answers) / sizeof(answers[0]))
		return -EAGAIN;
	answers[answer_count++] = (struct answer){ done, context };
	return 0;
}

static struct disk disk = { .sync = sync_nothing };

static void
nothing(void *context)
{
	(void)context;
}

static void
open_store(const char *directory)
{
	int error = store_open(&(struct store_options){ .directory = directory, .segment_size = SEGMENT_SIZE, .disk = &disk, .wake = nothing }, &store);

	if (error != 0)
		fatal(directory, error);
}

static void
flush(void)
{
	store_flush(store);
	store_sync(store);
	while (answer_count > 0) {
		struct answer answer = answers[--answer_count];

		answer.done(answer.context, 0);
	}
}

/* ---- fill ---- */

static struct message *
add_message(const char *address, int64_t arrival, struct record **record_r)
{
	uint64_t id = store_take_ids(store, arrival * 1000000, 1);
	struct envelope_recipient recipient = { .address = slice_from_string(address) };
	struct envelope envelope = { .sender = SLICE("sender@example.org"), .client = SLICE("192.0.2.1"), .recipient_count = 1, .recipients = &recipient };
	struct message *message = message_new(id);
	struct slice body = SLICE("Received: by mail.example.org\r\nSubject: deferred\r\nFrom: sender@example.org\r\n\r\nA few words.\r\n");
	struct payload_range all = { 0, 1 };
	struct buffer encoded;

	buffer_init(&encoded, 64 * 1024);
	if (message == NULL || envelope_encode(&envelope, &encoded) != 0)
		fatal("memory", -ENOMEM);
	*record_r = payload_message(id, &(struct message_payload){ .arrival = arrival, .body_size = body.length, .recipients = 1,
		.envelope = buffer_slice(&encoded), .body = body });
	buffer_free(&encoded);
	message->recipients = 1;
	message->arrival = arrival;
	message->body_size = body.length;
	message_open(message, &all);
	store_add(store, message, *record_r, NULL, NULL);
	return message;
}

static void
add_deferral(uint64_t id, int64_t next)
{
	struct payload_range range = { 0, 1 };
	struct record *record;
	struct buffer out;

	buffer_init(&out, 64 * 1024);
	if (deferral_begin(&out, 3, next, start) != 0 ||
	    deferral_add(&out, "4.4.1", SLICE(""), SLICE("mx.example.net [192.0.2.2]:25: Connection timed out"), &range, 1) != 0)
		fatal("memory", -ENOMEM);
	record = record_new(RECORD_DEFERRAL, id, buffer_length(&out));
	if (record == NULL)
		fatal("memory", -ENOMEM);
	memcpy(record_payload(record), out.data + out.start, buffer_length(&out));
	store_append(store, record, true, NULL, NULL);
	record_release(&record);
	buffer_free(&out);
}

static void
fill(const char *directory, uint64_t messages, uint64_t domains)
{
	double begin = seconds();

	mkdir(directory, 0700);
	open_store(directory);
	for (uint64_t i = 0; i < messages; i++) {
		char address[64];
		struct record *record;
		struct message *message;

		snprintf(address, sizeof(address), "user%llu@domain%llu.example", (unsigned long long)i, (unsigned long long)(i % domains));
		message = add_message(address, start - 3600, &record);
		record_release(&record);
		add_deferral(message->id, start + 1 + (int64_t)(i % SOON));
		if (i % TURN == TURN - 1)
			flush();
	}
	flush();
	flush();
	printf("filled with %llu messages in %.1f s\n", (unsigned long long)messages, seconds() - begin);
	store_close(&store);
}

/* ---- open ---- */

static struct {
	char address[ENVELOPE_ADDRESS_MAX + 1];
	expand_answered *answered;
	void *context;
} questions[ASKED];
static size_t question_count;

static int
ask(struct expander *self, struct slice address, expand_answered *answered, void *context)
{
	(void)self;
	if (question_count == ASKED)
		return -ENOBUFS;
	(void)slice_to_string(address, questions[question_count].address, sizeof(questions[0].address));
	questions[question_count].answered = answered;
	questions[question_count++].context = context;
	return 0;
}

static struct expander expander = { ask };

static void
answer_questions(void)
{
	size_t asked = question_count;

	question_count = 0;
	for (size_t i = 0; i < asked; i++) {
		struct expand_target target = { .kind = TABLE_TARGET_REMOTE, .address = slice_from_string(questions[i].address) };
		struct expand_answer answer = { .class = TABLE_REMOTE, .count = 1, .targets = &target };

		questions[i].answered(questions[i].context, &answer);
	}
}

static bool
is_ready(struct transport *transport)
{
	return sent < transport->capacity;
}

static int
take_job(struct transport *transport, struct job *job)
{
	(void)transport;
	sent++;
	if (slice_equal(STAILQ_FIRST(&job->targets)->address, SLICE("new@another.example")))
		found = true;
	return 0;
}

static struct transport workers = { .capacity = CREDIT, .ready = is_ready, .send = take_job };

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
	return start;
}

static int64_t
present_ticks(void *context)
{
	(void)context;
	return start * 1000;
}

static void
recover_one(void *context, struct message *message)
{
	(void)context;
	schedule_recovered(schedule, message);
	count++;
}

/* How long a new message takes when others are due at once. */
static void
send_new(void)
{
	struct record *record;
	struct message *message;
	double begin;

	start += SOON / DUE_PART;
	schedule_turn(schedule);
	begin = seconds();
	message = add_message("new@another.example", start, &record);
	flush();
	schedule_add(schedule, message, record);
	record_release(&record);
	for (int turn = 0; !found && turn < TURNS_MAX; turn++) {
		schedule_turn(schedule);
		answer_questions();
	}
	printf("%s after %.0f us, with %zu in rounds\n", found ? "a new message was handed out" : "a new message was NOT handed out",
	       (seconds() - begin) * 1e6, schedule->actives);
}

static void
recover(const char *directory)
{
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	double begin = seconds();
	size_t used;

	open_store(directory);
	schedule = schedule_new(&(struct schedule_hooks){ .store = store, .expander = &expander, .local = &workers, .remote = &workers,
		.config = present_config, .now = present_time, .ticks = present_ticks, .wake = nothing });
	if (schedule == NULL)
		fatal("memory", -ENOMEM);
	store_each(store, recover_one, NULL);
	used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	printf("recovered %llu messages in %.2f s; %.0f bytes of memory each (struct message: %zu)\n", (unsigned long long)count,
	       seconds() - begin, (double)used / (double)(count == 0 ? 1 : count), sizeof(struct message));
	send_new();
}

int
main(int argc, char **argv)
{
	log_set_level(LOG_WARNING);
	config_defaults(&config);
	start = time(NULL);
	if (argc == 5 && strcmp(argv[1], "fill") == 0) {
		fill(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	} else if (argc == 3 && strcmp(argv[1], "open") == 0) {
		recover(argv[2]);
	} else {
		fputs("usage: bench_deferred fill SPOOL COUNT DOMAINS\n       bench_deferred open SPOOL\n", stderr);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
