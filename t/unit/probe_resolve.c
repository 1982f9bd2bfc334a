/*
 * A worker for relayd that only asks the resolver, for t/suite/test_resolver.py: linked with relayd's main.c and the resolver as they are. Its
 * questions are the lines of the file that relay_ca_file names, read at the start and on SIGHUP; each answer is a log line with the line's number.
 *
 *   mx NAME PORT [dane] [backup]
 *   host NAME PORT [dane] [backup]
 *   flood COUNT NAME             COUNT times "mx N.NAME 25"; one line when all are answered
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/proc/process.h"
#include "relayd/resolve.h"
#include "relayd/worker.h"

enum { TEXT_MAX = 64 * 1024, RETRY_MS = 20, RESULTS = RESOLVE_LOOP + 1 };

struct probe {
	struct process *process;
	struct resolve *resolve;
	struct event *timer; /* until the resolver is there */
};

struct flood {
	unsigned left;
	unsigned refused;
	unsigned results[RESULTS];
	int64_t began;
};

static void
put_host(struct buffer *out, const struct resolve_host *host)
{
	static const char *const kinds[] = { "none", "usable", "unusable", "failed" };

	buffer_printf(out, "%s,%u,%s,", host->name, host->preference, host->secure ? "secure" : "insecure");
	for (size_t i = 0; i < host->address_count; i++) {
		char text[INET6_ADDRSTRLEN];

		inet_ntop(host->addresses[i].length == 4 ? AF_INET : AF_INET6, host->addresses[i].bytes, text, sizeof(text));
		buffer_printf(out, "%s%s", i == 0 ? "" : "+", text);
	}
	buffer_printf(out, ",%s,%s,", kinds[host->tlsa], host->tlsa_base);
	for (size_t i = 0; i < host->record_count; i++)
		buffer_printf(out, "%s%u:%u:%u:%zu", i == 0 ? "" : "+", host->records[i].usage, host->records[i].selector,
		              host->records[i].matching_type, host->records[i].data.length);
	buffer_append_string(out, ";");
}

static void
on_answered(void *context, struct resolve_answer *answer)
{
	static const char *const results[] = { "ok", "temporary", "no-domain", "null-mx", "loop" };
	struct buffer hosts;
	uintptr_t number = (uintptr_t)context;

	buffer_init(&hosts, 4096);
	for (size_t i = 0; i < answer->host_count; i++)
		put_host(&hosts, &answer->hosts[i]);
	log_event(LOG_WARNING, "probe.answer", LOG_UINT("number", number), LOG_STRING("result", results[answer->result]),
	          LOG_STRING("secure", answer->secure ? "yes" : "no"), LOG_STRING("canonical", answer->canonical),
	          LOG_SLICE("hosts", buffer_slice(&hosts)), LOG_STRING("text", answer->text));
	buffer_free(&hosts);
	resolve_answer_free(&answer);
}

static void
flood_end(struct flood *flood)
{
	log_event(LOG_WARNING, "probe.flood", LOG_UINT("refused", flood->refused), LOG_UINT("ok", flood->results[RESOLVE_OK]),
	          LOG_UINT("temporary", flood->results[RESOLVE_TEMPORARY]), LOG_UINT("no_domain", flood->results[RESOLVE_NO_DOMAIN]),
	          LOG_UINT("ms", clock_monotonic_ms() - flood->began));
	free(flood);
}

static void
on_flood_answered(void *context, struct resolve_answer *answer)
{
	struct flood *flood = context;

	flood->results[answer->result]++;
	resolve_answer_free(&answer);
	if (--flood->left == 0)
		flood_end(flood);
}

static void
flood_begin(struct probe *probe, unsigned count, const char *domain)
{
	struct flood *flood = calloc(1, sizeof(*flood));

	if (flood == NULL)
		return;
	flood->began = clock_monotonic_ms();
	for (unsigned i = 0; i < count; i++) {
		char name[RESOLVE_TEXT_MAX];
		struct resolve_question question = { .how = RESOLVE_MX, .name = name, .port = 25, .dane = true };

		snprintf(name, sizeof(name), "%u.%.200s", i, domain);
		if (resolve_ask(probe->resolve, &question, on_flood_answered, flood, NULL) == 0)
			flood->left++;
		else
			flood->refused++;
	}
	if (flood->left == 0)
		flood_end(flood);
}

/* False when the resolver is not there. */
static bool
ask(struct probe *probe, struct slice line, uintptr_t line_number)
{
	struct slice how = slice_word(&line);
	char *name = slice_dup(slice_word(&line));
	struct resolve_question question = { .how = slice_equal(how, SLICE("host")) ? RESOLVE_HOST : RESOLVE_MX, .name = name };
	uint64_t number = 0;
	int error;

	if (slice_equal(how, SLICE("flood"))) {
		char domain[RESOLVE_TEXT_MAX];

		slice_to_number(slice_from_string(name), UINT16_MAX, &number);
		slice_to_string(slice_word(&line), domain, sizeof(domain));
		flood_begin(probe, (unsigned)number, domain);
		free(name);
		return true;
	}
	slice_to_number(slice_word(&line), UINT16_MAX, &number);
	question.port = (uint16_t)number;
	for (struct slice word = slice_word(&line); word.length > 0; word = slice_word(&line)) {
		question.dane |= slice_equal(word, SLICE("dane"));
		question.backup |= slice_equal(word, SLICE("backup"));
	}
	error = name == NULL ? -ENOMEM : resolve_ask(probe->resolve, &question, on_answered, (void *)line_number, NULL);
	free(name);
	return error == 0;
}

static void
ask_all(void *context)
{
	static char text[TEXT_MAX];
	struct probe *probe = context;
	ssize_t length = pread(process_file(probe->process, "authorities"), text, sizeof(text), 0);
	struct slice left = slice_of(text, length < 0 ? 0 : (size_t)length);
	uintptr_t number = 0;

	while (left.length > 0) {
		size_t end = slice_find(left, '\n');

		if (!ask(probe, slice_first(left, end), number++)) {
			event_add(probe->timer, &(struct timeval){ .tv_usec = RETRY_MS * 1000 });
			return;
		}
		left = slice_from(left, end + 1);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	ask_all(context);
}

int
worker_main(struct process *process)
{
	struct probe probe = { .process = process };

	probe.resolve = resolve_new(process);
	probe.timer = evtimer_new(process_base(process), on_timer, &probe);
	if (probe.resolve == NULL || probe.timer == NULL)
		return EX_OSERR;
	ask_all(&probe);
	process_on_reload(process, ask_all, &probe);
	return process_run(process);
}
