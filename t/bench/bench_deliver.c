/*
 * How fast the file thread of deliverd delivers, without a queue before it:
 *
 *   bench_deliver DIRECTORY MESSAGES SIZE MAILBOXES AT_ONCE
 *
 * keeps AT_ONCE jobs with the file thread until MESSAGES messages of SIZE bytes are durable in MAILBOXES
 * mailboxes below DIRECTORY, which exists. Run it under strace -cf or perf to see what a delivery costs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "deliverd/filer.h"
#include "deliverd/store.h"

struct bench {
	struct event_base *base;
	struct store store;
	struct filer *filer;
	char *body;
	uint64_t size;
	uint64_t messages;
	uint64_t mailboxes;
	uint64_t at_once;
	uint64_t given;
	uint64_t finished;
	uint64_t failed;
};

static void
fatal(const char *what)
{
	fprintf(stderr, "bench_deliver: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct job *
make_job(const struct bench *bench)
{
	struct buffer buffer;
	struct wire_writer writer;
	struct wire_reader reader;
	struct job *job;
	char path[64];

	snprintf(path, sizeof(path), "example.org/user%llu", (unsigned long long)(bench->given % bench->mailboxes));
	buffer_init(&buffer, DELIVER_FRAME_MAX);
	writer = wire_begin_bare(&buffer);
	wire_put_u64(&writer, bench->given);
	wire_put_u64(&writer, 0);
	wire_put_string(&writer, "bench@example.net");
	wire_put_u8(&writer, 0);
	wire_put_u64(&writer, bench->size);
	wire_put_slice(&writer, slice_of(bench->body, bench->size));
	wire_put_u32(&writer, 1);
	wire_put_string(&writer, path);
	wire_put_u64(&writer, 0);
	wire_put_string(&writer, "");
	wire_put_string(&writer, "user@example.org");
	wire_put_string(&writer, "user@example.org");
	if (wire_end_bare(&writer) != 0)
		fatal("the message is too large for a frame");
	reader = wire_read(buffer_slice(&buffer));
	if (job_decode(&reader, -1, &job) != 0)
		fatal("cannot make a job");
	buffer_free(&buffer);
	return job;
}

static void
give(struct bench *bench)
{
	if (bench->given == bench->messages)
		return;
	filer_give(bench->filer, make_job(bench));
	bench->given++;
}

static void
on_finished(void *context, struct job *job)
{
	struct bench *bench = context;

	if (job->targets[0].outcome.result != DELIVER_DONE)
		bench->failed++;
	job_free(&job);
	give(bench);
	if (++bench->finished == bench->messages)
		filer_stop(bench->filer);
}

static void
on_stopped(void *context)
{
	struct bench *bench = context;

	event_base_loopbreak(bench->base);
}

static void
fill_body(struct bench *bench)
{
	static const char line[] = "The quick brown fox jumps over the lazy dog, once a line.....\r\n";

	bench->body = malloc(bench->size + 1);
	if (bench->body == NULL)
		fatal("out of memory");
	for (size_t i = 0; i < bench->size; i++)
		bench->body[i] = line[i % (sizeof(line) - 1)];
	if (bench->size > 20)
		memcpy(bench->body, "Subject: bench\r\n\r\n", 18);
}

static uint64_t
number(const char *text)
{
	uint64_t value;

	if (slice_to_number(slice_from_string(text), UINT32_MAX, &value) != 0 || value == 0)
		fatal("not a number above 0");
	return value;
}

int
main(int argc, char **argv)
{
	static const struct filer_callbacks callbacks = { .finished = on_finished, .stopped = on_stopped };
	struct bench bench = { 0 };
	int64_t start;
	double seconds;

	if (argc != 6)
		fatal("usage: bench_deliver DIRECTORY MESSAGES SIZE MAILBOXES AT_ONCE");
	bench.messages = number(argv[2]);
	bench.size = number(argv[3]);
	bench.mailboxes = number(argv[4]);
	bench.at_once = number(argv[5]);
	bench.base = event_base_new();
	if (bench.base == NULL || store_open(&bench.store, argv[1], "bench.example.org", 1024) != 0)
		fatal("cannot open the directory");
	if (filer_new(bench.base, &bench.store, &callbacks, &bench, &bench.filer) != 0)
		fatal("cannot start the thread");
	fill_body(&bench);
	start = clock_monotonic_ms();
	for (uint64_t i = 0; i < bench.at_once; i++)
		give(&bench);
	event_base_dispatch(bench.base);
	seconds = (double)(clock_monotonic_ms() - start + 1) / 1000;
	printf("%llu messages, %llu failed, %.0f a second\n", (unsigned long long)bench.finished,
	       (unsigned long long)bench.failed, (double)bench.finished / seconds);
	filer_free(&bench.filer);
	store_close(&bench.store);
	event_base_free(bench.base);
	free(bench.body);
	return bench.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
