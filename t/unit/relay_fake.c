/*
 * The fake resolver and the fake client of relay_fake.h. Everything is answered in a later turn of the loop, as the real ones do.
 */
#include "t/unit/relay_fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/tls.h"
#include "common/proc/process.h"
#include "t/unit/relay_frames.h"
#include "t/unit/unit.h"

struct fake fake;

static const struct timeval at_once = { 0 };

/* ---- the resolver ---- */

struct resolve {
	int unused;
};

struct question {
	resolve_answered *answered;
	void *context;
	uint32_t ticket;
	bool cancelled;
	bool done;
};

static struct resolve the_resolver;
static struct question questions[256];
static uint32_t question_count;

struct resolve *
resolve_new(struct process *process)
{
	(void)process;
	return &the_resolver;
}

void
resolve_free(struct resolve **resolve)
{
	*resolve = NULL;
}

static void
on_question(evutil_socket_t fd, short what, void *context)
{
	struct question *question = context;
	struct resolve_answer *answer;

	(void)fd;
	(void)what;
	question->done = true;
	if (question->cancelled)
		return;
	answer = malloc(sizeof(*answer));
	*answer = fake.answer;
	answer->hosts = fake.hosts;
	question->answered(question->context, answer);
}

int
resolve_ask(struct resolve *resolve, const struct resolve_question *asked, resolve_answered *answered, void *context, uint32_t *ticket_r)
{
	struct question *question = &questions[question_count % 256];

	(void)resolve;
	fake.questions++;
	fake.question = *asked;
	strlcpy(fake.question_name, asked->name, sizeof(fake.question_name));
	if (fake.resolver_is_away)
		return -ENOTCONN;
	*question = (struct question){ .answered = answered, .context = context, .ticket = ++question_count };
	*ticket_r = question->ticket;
	event_base_once(fake.base, -1, EV_TIMEOUT, on_question, question, &at_once);
	return 0;
}

void
resolve_cancel(struct resolve *resolve, uint32_t ticket)
{
	(void)resolve;
	for (size_t i = 0; i < 256; i++)
		if (questions[i].ticket == ticket)
			questions[i].cancelled = true;
}

void
resolve_answer_free(struct resolve_answer **answer)
{
	free(*answer);
	*answer = NULL;
}

/* ---- channels to UNIX sockets ---- */

int
process_request_channel(struct process *process, const char *name, void (*received)(void *context, int fd), void *context)
{
	(void)process;
	(void)name;
	(void)received;
	(void)context;
	return -EPIPE;
}

/* ---- the client ---- */

struct client {
	struct fake_session *session;
	const struct client_settings *settings;
	const struct client_callbacks *callbacks;
	void *context;
	struct client_transaction *transaction;
	struct event *event;
	int fd;
	bool ready;
};

static void
client_on_opened(struct client *client)
{
	if (client->session->fails) {
		client->callbacks->ended(client->context, client, &client->session->end);
		return;
	}
	client->ready = true;
	client->callbacks->ready(client->context, client);
}

static void
client_on_sent(struct client *client)
{
	struct fake_session *session = client->session;
	struct client_transaction *transaction = client->transaction;
	unsigned turn = session->sent++ % FAKE_SENDS_MAX;
	struct client_outcome outcome = session->sends[turn].outcome;

	outcome.usable = !session->sends[turn].breaks;
	for (size_t i = 0; i < transaction->recipient_count; i++)
		transaction->recipients[i].result = session->sends[turn].result;
	if (session->sends[turn].first.status[0] != '\0')
		transaction->recipients[0].result = session->sends[turn].first;
	client->transaction = NULL;
	client->callbacks->done(client->context, client, transaction, &outcome);
}

static void
client_on_event(evutil_socket_t fd, short what, void *context)
{
	struct client *client = context;

	(void)fd;
	(void)what;
	if (client->ready)
		client_on_sent(client);
	else
		client_on_opened(client);
}

struct client *
client_new(struct event_base *base, int fd, const struct client_settings *settings, const struct client_callbacks *callbacks, void *context)
{
	struct client *client = calloc(1, sizeof(*client));

	client->session = &fake.sessions[fake.session_count++];
	client->settings = settings;
	client->callbacks = callbacks;
	client->context = context;
	client->fd = fd;
	strlcpy(client->session->remote, settings->remote, sizeof(client->session->remote));
	client->session->tls = settings->tls;
	client->session->whole_data = settings->whole_data;
	if (settings->tls != CLIENT_TLS_OFF)
		client->session->check = settings->tls_settings->check;
	client->event = evtimer_new(base, client_on_event, client);
	if (!client->session->hangs)
		event_active(client->event, EV_TIMEOUT, 0);
	return client;
}

void
client_send(struct client *client, struct client_transaction *transaction)
{
	ck_assert(client->ready);
	ck_assert_ptr_null(client->transaction);
	client->transaction = transaction;
	if (!client->session->sends[client->session->sent % FAKE_SENDS_MAX].hangs)
		event_active(client->event, EV_TIMEOUT, 0);
}

static void
client_end(struct client **client)
{
	event_free((*client)->event);
	close((*client)->fd);
	free(*client);
	*client = NULL;
}

void
client_quit(struct client **client)
{
	(*client)->session->quit = true;
	client_end(client);
}

void
client_close(struct client **client)
{
	(*client)->session->closed = true;
	client_end(client);
}

bool
client_tls_info(const struct client *client, struct tls_info *info_r)
{
	*info_r = (struct tls_info){ .version = "TLSv1.3" };
	return client->settings->tls != CLIENT_TLS_OFF;
}

/* ---- the world ---- */

static void
on_finished(void *context, struct job *job)
{
	(void)context;
	ck_assert_uint_lt(fake.job_count, FAKE_JOBS_MAX);
	fake.jobs[fake.job_count++] = job;
}

static int
listener(unsigned last, bool listens)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(fake.port), .sin_addr = { htonl(0x7f000000 + last) } };
	socklen_t length = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	if (listens)
		ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &length), 0);
	fake.port = ntohs(in.sin_port);
	return fd;
}

void
fake_open(void)
{
	memset(&fake, 0, sizeof(fake));
	config_defaults(&fake.config);
	strlcpy(fake.config.hostname, "us.example.net", sizeof(fake.config.hostname));
	fake.config.smtp_listen.count = fake.config.submission_listen.count = fake.config.smtps_listen.count = 0;
	fake.base = event_base_new();
	fake.relay.finished = on_finished;
	fake.relay.idle_most = FAKE_SESSIONS_MAX;
	ck_assert_int_eq(tls_prepare(), 0);
	ck_assert_int_eq(relay_open(&fake.relay, NULL, fake.base, &fake.config, SLICE("")), 0);
}

void
fake_close(void)
{
	relay_close(&fake.relay);
	ck_assert_uint_eq(fake.relay.sending, 0);
	ck_assert(RB_EMPTY(&fake.relay.destinations));
	for (size_t i = 0; i < fake.job_count; i++)
		job_free(&fake.jobs[i]);
	for (size_t i = 0; i < fake.listener_count; i++)
		close(fake.listeners[i]);
	event_base_free(fake.base);
}

void
fake_address(unsigned last, bool listens)
{
	size_t host = fake.answer.host_count - 1;
	struct resolve_address *address = &fake.addresses[host][fake.hosts[host].address_count++];
	uint32_t bytes = htonl(0x7f000000 + last);

	address->length = 4;
	memcpy(address->bytes, &bytes, 4);
	fake.listeners[fake.listener_count++] = listener(last, listens);
	fake.config.relay_port = fake.port;
}

size_t
fake_host(const char *name, unsigned last, bool listens)
{
	size_t index = fake.answer.host_count++;

	strlcpy(fake.hosts[index].name, name, sizeof(fake.hosts[index].name));
	fake.hosts[index].preference = (uint16_t)(index * 10);
	fake.hosts[index].addresses = fake.addresses[index];
	fake_address(last, listens);
	return index;
}

void
fake_job(const char *domain, const char *route, enum route_tls tls)
{
	relay_job(&fake.relay, relay_frames_job(domain, route, tls, 2));
}

void
fake_run(size_t count)
{
	while (fake.job_count < count)
		ck_assert_int_eq(event_base_loop(fake.base, EVLOOP_ONCE), 0);
}

void
fake_run_until(bool (*condition)(void))
{
	while (!condition())
		ck_assert_int_eq(event_base_loop(fake.base, EVLOOP_ONCE), 0);
}

const struct client_result *
fake_result(size_t index)
{
	ck_assert_uint_lt(index, fake.job_count);
	return &fake.jobs[index]->recipients[0].result;
}
