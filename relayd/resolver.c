/*
 * The resolver's main: channels of workers, their questions, and the name servers that these go to.
 */
#include "relayd/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/ipc/channel.h"
#include "common/proc/process.h"
#include "relayd/lookups.h"
#include "relayd/resolver_questions.h"
#include "relayd/servers.h"

enum {
	INPUT_MAX = 4096,              /* bytes of a question */
	OUTPUT_MAX = 16 * 1024 * 1024, /* bytes of answers that a worker has not read */
	LOOKUPS_MAX = 4096,            /* at once */
	LOOKUP_DESCRIPTORS = 2,        /* a UDP socket, and a TCP one when an answer is long */
	FILE_MAX = 64 * 1024,          /* bytes of resolv.conf, and of the trust anchor */
};

struct resolver {
	struct process *process;
	struct lookups *lookups;
	struct questions *questions;
};

/* A worker. */
struct client {
	struct resolver *resolver;
	struct channel *channel;
	unsigned asked;
	LIST_HEAD(, request) requests;
};

struct request {
	struct asker asker; /* first: it is found by it */
	LIST_ENTRY(request) sibling;
	struct client *client;
	uint32_t id;
};

static struct channel_count clients = { .most = CHANNEL_PEERS_MAX };

/* ---- answers ---- */

static void
request_free(struct request *request)
{
	LIST_REMOVE(request, sibling);
	request->client->asked--;
	free(request);
}

static void
client_free(struct client *client)
{
	struct request *request;

	while ((request = LIST_FIRST(&client->requests)) != NULL) {
		questions_forget(&request->asker);
		request_free(request);
	}
	free(client);
}

/* A worker that does not read its answers, or for which there is no memory, is better off with a new channel. */
static void
client_close(struct client *client)
{
	channel_close(&client->channel);
	client_free(client);
}

static void
on_answered(struct asker *asker, struct finding *finding)
{
	struct request *request = (struct request *)(void *)asker;
	struct client *client = request->client;
	struct wire_writer writer = channel_begin(client->channel, RESOLVE_ANSWER, request->id, -1);

	request_free(request);
	finding_put_answer(finding, &writer);
	if (channel_send(client->channel, &writer) != 0)
		client_close(client);
}

/* An answer at once, where no question could be asked. */
static int
refuse(struct channel *channel, uint32_t id, const char *text)
{
	struct wire_writer writer = channel_begin(channel, RESOLVE_ANSWER, id, -1);

	wire_put_u8(&writer, RESOLVE_TEMPORARY);
	wire_put_string(&writer, text);
	wire_put_u8(&writer, 0);
	wire_put_string(&writer, "");
	wire_put_u32(&writer, 0);
	return channel_send(channel, &writer);
}

/* ---- questions ---- */

static bool
get_question(struct wire_reader *reader, struct finding_question *question_r)
{
	unsigned how = wire_get_u8(reader);
	unsigned dane, backup;
	uint32_t port;

	wire_get_string(reader, question_r->name, sizeof(question_r->name));
	port = wire_get_u32(reader);
	dane = wire_get_u8(reader);
	backup = wire_get_u8(reader);
	if (!wire_done(reader) || how > RESOLVE_HOST || port > UINT16_MAX || dane > 1 || backup > 1)
		return false;
	question_r->how = how;
	question_r->port = (uint16_t)port;
	question_r->dane = dane == 1;
	question_r->backup = backup == 1;
	return true;
}

static int
on_ask(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct client *client = context;
	struct resolver *resolver = client->resolver;
	struct finding_question question = { .how = RESOLVE_MX };
	struct request *request;

	if (!get_question(&frame->body, &question))
		return -EPROTO;
	if (client->asked >= RESOLVE_ASKED_MAX)
		return refuse(channel, frame->request, "too many questions at once");
	request = calloc(1, sizeof(*request));
	if (request == NULL)
		return refuse(channel, frame->request, "out of memory");
	*request = (struct request){ .asker.answered = on_answered, .client = client, .id = frame->request };
	if (questions_ask(resolver->questions, &question, process_config(resolver->process)->hostname, &request->asker) != 0) {
		free(request);
		return refuse(channel, frame->request, "out of memory");
	}
	LIST_INSERT_HEAD(&client->requests, request, sibling);
	client->asked++;
	return 0;
}

static void
on_closed(struct channel *channel, void *context, int error)
{
	(void)channel;
	(void)error;
	client_free(context);
}

static const struct channel_handler handlers[] = { { RESOLVE_ASK, CHANNEL_ANY, false, on_ask } };

static const struct channel_protocol protocol = {
	.name = "resolver",
	.count = &clients,
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = INPUT_MAX,
	.output_limit = OUTPUT_MAX,
	.closed = on_closed,
};

static void
on_channel(void *context, int fd)
{
	struct resolver *resolver = context;
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		close(fd);
		return;
	}
	client->resolver = resolver;
	LIST_INIT(&client->requests);
	client->channel = channel_new(process_base(resolver->process), fd, &protocol, client);
	if (client->channel == NULL)
		free(client);
}

/* ---- name servers ---- */

/* A file from the parent, into TEXT (FILE_MAX bytes). Empty when it is not there. */
static struct slice
read_file(struct process *process, const char *name, char *text)
{
	int fd = process_file(process, name);
	size_t length = 0;
	ssize_t got = 0;

	while (fd >= 0 && length < FILE_MAX && (got = pread(fd, text + length, FILE_MAX - length, (off_t)length)) > 0)
		length += (size_t)got;
	if (got < 0)
		log_event(LOG_ERR, "resolver.file", LOG_STRING("file", name), LOG_ERROR(-errno));
	return slice_of(text, length);
}

/* New lookups, with the configuration of now. */
static int
open_lookups(struct resolver *resolver, struct lookups **lookups_r)
{
	static char resolv_conf[FILE_MAX], anchor[FILE_MAX];
	const struct config *config = process_config(resolver->process);
	struct config_endpoints servers = config->dns_servers;
	struct lookups_setup setup = { .servers = &servers };
	int error;

	setup.most = process_clients(resolver->process, LOOKUPS_MAX, LOOKUP_DESCRIPTORS);
	if (servers.count == 0)
		servers_from_resolv_conf(read_file(resolver->process, "resolv.conf", resolv_conf), &servers);
	if (config->dns_trust_anchor[0] != '\0')
		setup.anchor = read_file(resolver->process, "trust-anchor", anchor);
	if (config->dns_trust_anchor[0] != '\0' && setup.anchor.length == 0)
		log_event(LOG_WARNING, "resolver.no_anchor", LOG_STRING("file", config->dns_trust_anchor),
		          LOG_STRING("reason", "not there or empty: answers are not validated, there is no DANE"));
	error = lookups_new(process_base(resolver->process), &setup, lookups_r);
	if (error != 0)
		log_event(LOG_ERR, "resolver.servers", LOG_STRING("dns_trust_anchor", config->dns_trust_anchor), LOG_UINT("servers", servers.count),
		          LOG_ERROR(error));
	return error;
}

/* What is under way ends with the servers that it began with. */
static void
on_reload(void *context)
{
	struct resolver *resolver = context;
	struct lookups *lookups;

	if (open_lookups(resolver, &lookups) != 0)
		return;
	lookups_retire(&resolver->lookups);
	resolver->lookups = lookups;
}

int
resolver_main(struct process *process)
{
	struct resolver resolver = { .process = process };

	if (open_lookups(&resolver, &resolver.lookups) != 0)
		return EX_CONFIG;
	resolver.questions = questions_new(process_base(process), &resolver.lookups);
	if (resolver.questions == NULL)
		return EX_OSERR;
	process_on_channel(process, "resolver", on_channel, &resolver);
	process_on_reload(process, on_reload, &resolver);
	return process_run(process);
}
