/*
 * Fuzzes what smtpd, deliverd, relayd and tabled may send to the queue: the first byte chooses which, the rest is a stream of frames over a
 * real channel. Ids in SUBMIT_MESSAGE are put right half of the time, because chance never finds them.
 */
#include <errno.h>
#include <event2/event.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/ipc/proto_submit.h"
#include "queued/deliver.h"
#include "queued/relay.h"
#include "queued/submit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	INPUT_MAX = 64 * 1024, /* bytes: what the socket takes at once */
	ENOUGH = 2000,         /* messages after which the store begins anew */
	WAITING_MAX = 256,     /* syncs asked in one turn */
	TURNS = 6,
};

struct waiting {
	disk_done *done;
	void *context;
};

static char directory[64];
static struct config config;
static struct event_base *base;
static struct store *store;
static struct schedule *schedule;
static struct submit *submit;
static struct workers *deliver;
static struct workers *relay;
static struct waiting waiting[WAITING_MAX];
static size_t waiting_count;

static int
fuzz_sync(struct disk *disk, int fd, enum disk_what what, disk_done *done, void *context)
{
	(void)disk;
	(void)fd;
	(void)what;
	if (waiting_count == WAITING_MAX)
		return -ENOMEM;
	waiting[waiting_count++] = (struct waiting){ done, context };
	return 0;
}

static struct disk disk = { .sync = fuzz_sync };

/* Every second address is a mailbox, the others are remote. */
static expand_answered *asked;
static void *asked_context;
static bool remote_next;

static int
fuzz_ask(struct expander *self, struct slice address, expand_answered *answered, void *context)
{
	(void)self;
	(void)address;
	if (asked != NULL)
		return -ENOBUFS;
	asked = answered;
	asked_context = context;
	return 0;
}

static struct expander expander = { fuzz_ask };

static const struct config *
fuzz_config(void *context)
{
	(void)context;
	return &config;
}

static int64_t
fuzz_now(void *context)
{
	(void)context;
	return 1800000000;
}

static void
fuzz_nothing(void *context)
{
	(void)context;
}

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void
fuzz_remove(void)
{
	if (directory[0] != '\0')
		nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
fuzz_answer_table(void)
{
	struct expand_target target = { .kind = TABLE_TARGET_MAILBOX, .address = SLICE("a@b"), .path = SLICE("b/a") };
	struct expand_answer answer = { .class = TABLE_LOCAL, .count = 1, .targets = &target };
	expand_answered *answered = asked;

	asked = NULL;
	remote_next = !remote_next;
	if (remote_next)
		target = (struct expand_target){ .kind = TABLE_TARGET_REMOTE, .address = SLICE("a@b") };
	if (answered != NULL)
		answered(asked_context, &answer);
}

static void
fuzz_turn(void)
{
	struct waiting taken[WAITING_MAX];
	size_t count;

	event_base_loop(base, EVLOOP_NONBLOCK);
	schedule_turn(schedule);
	fuzz_answer_table();
	store_flush(store);
	count = waiting_count;
	memcpy(taken, waiting, sizeof(taken));
	waiting_count = 0;
	for (size_t i = 0; i < count; i++)
		taken[i].done(taken[i].context, 0);
}

static void
fuzz_open(void)
{
	strlcpy(directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/angarium-fuzz-XXXXXX" : "/tmp/angarium-fuzz-XXXXXX", sizeof(directory));
	if (mkdtemp(directory) == NULL || store_open(&(struct store_options){ .directory = directory, .segment_size = 1024 * 1024,
	                                              .disk = &disk, .wake = fuzz_nothing }, &store) != 0)
		abort();
	deliver = workers_new(&deliver_protocol, base, fuzz_nothing, NULL);
	relay = workers_new(&relay_protocol, base, fuzz_nothing, NULL);
	schedule = schedule_new(&(struct schedule_hooks){ .store = store, .expander = &expander, .local = workers_transport(deliver),
		.remote = workers_transport(relay), .config = fuzz_config, .now = fuzz_now, .ticks = fuzz_now, .wake = fuzz_nothing });
	submit = submit_new(&(struct submit_hooks){ .base = base, .store = store, .schedule = schedule, .config = fuzz_config });
}

static void
fuzz_close(void)
{
	for (int i = 0; i < TURNS; i++)
		fuzz_turn();
	submit_close(&submit);
	workers_free(&deliver);
	workers_free(&relay);
	fuzz_answer_table();
	schedule_free(&schedule);
	store_close(&store);
	waiting_count = 0;
	fuzz_remove();
}

static void
fuzz_begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	log_set_level(LOG_EMERG);
	config_defaults(&config);
	base = event_base_new();
	fuzz_open();
	atexit(fuzz_remove);
}

/* The worker's first id stands in its SUBMIT_IDS; messages in INPUT get it and its successors. */
static void
mend_ids(int peer, char *input, size_t size)
{
	char greeting[WIRE_HEADER_SIZE + 12];
	uint64_t id;
	size_t at = 0;

	if (recv(peer, greeting, sizeof(greeting), MSG_DONTWAIT) != (ssize_t)sizeof(greeting))
		return;
	id = little_get_u64(greeting + WIRE_HEADER_SIZE);
	while (size - at >= WIRE_HEADER_SIZE + 8) {
		uint32_t length = little_get_u32(input + at);

		if ((input[at + 4] == SUBMIT_MESSAGE || input[at + 4] == SUBMIT_BODY_OPEN) && length >= 8)
			little_put_u64(input + at + WIRE_HEADER_SIZE, id++);
		if (length > size - at - WIRE_HEADER_SIZE)
			break;
		at += WIRE_HEADER_SIZE + length;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char input[INPUT_MAX];
	struct expand_answer answer;
	struct wire_reader reader;
	int pair[2];

	if (size == 0 || size > INPUT_MAX)
		return 0;
	fuzz_begin();
	memcpy(input, data + 1, size - 1);
	reader = wire_read(slice_of(input, size - 1));
	if (expand_parse(&reader, &answer) == 0)
		expand_answer_free(&answer);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	if (data[0] % 8 == 0)
		workers_accept(deliver, pair[0]);
	else if (data[0] % 8 == 4)
		workers_accept(relay, pair[0]);
	else
		submit_accept(submit, pair[0]);
	fuzz_turn();
	if (data[0] % 4 > 1)
		mend_ids(pair[1], input, size - 1);
	if (send(pair[1], input, size - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		size = 0;
	for (int i = 0; i < TURNS; i++)
		fuzz_turn();
	close(pair[1]);
	fuzz_turn();
	if (store_count(store) > ENOUGH) {
		fuzz_close();
		fuzz_open();
	}
	return 0;
}
