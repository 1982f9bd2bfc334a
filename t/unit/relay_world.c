/*
 * A client over a socket pair, in one thread.
 */
#include "t/unit/relay_world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void
world_called(struct world *world, struct client *client)
{
	if (client != world->client)
		abort();
	if (world->close_in_callback)
		client_close(&world->client);
}

static void
on_ready(void *context, struct client *client)
{
	struct world *world = context;

	world->readies++;
	world_called(world, client);
}

static void
on_done(void *context, struct client *client, struct client_transaction *transaction, const struct client_outcome *outcome)
{
	struct world *world = context;

	if (transaction != &world->transaction)
		abort();
	for (size_t i = 0; i < transaction->recipient_count; i++)
		if (transaction->recipients[i].progress != CLIENT_SETTLED)
			abort();
	world->dones++;
	world->outcome = *outcome;
	if (world->again && outcome->usable) {
		world->again = false;
		client_send(client, transaction);
	}
	world_called(world, client);
}

static void
on_ended(void *context, struct client *client, const struct client_end *end)
{
	struct world *world = context;

	world->ends++;
	world->end = *end;
	world_called(world, client);
}

static const struct client_callbacks callbacks = { .ready = on_ready, .done = on_done, .ended = on_ended };

struct world *
world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));
	static const char *addresses[WORLD_RECIPIENTS] = { "a@example.org", "b@example.org", "c@example.org" };

	if (world == NULL)
		abort();
	world->base = event_base_new();
	world->heard = malloc(WORLD_HEARD_MAX);
	world->remote = -1;
	world->settings = (struct client_settings){
		.hostname = "me.example", .remote = "remote", .command_timeout = 60000, .data_timeout = 60000, .end_timeout = 60000,
	};
	for (size_t i = 0; i < WORLD_RECIPIENTS; i++)
		world->recipients[i].address = slice_from_string(addresses[i]);
	world->transaction = (struct client_transaction){
		.sender = SLICE("s@example.com"), .body = SLICE("Subject: x\r\n\r\nhello\r\n"), .body_fd = -1,
		.recipient_count = 1, .recipients = world->recipients,
	};
	world->transaction.size = world->transaction.body.length;
	return world;
}

void
world_free(struct world *world)
{
	client_close(&world->client);
	if (world->remote >= 0)
		close(world->remote);
	world_turn(world); /* a connection that was left with QUIT goes when it sees the other end */
	event_base_free(world->base);
	free(world->heard);
	free(world);
}

void
world_connect(struct world *world)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	world->remote = pair[1];
	world->client = client_new(world->base, pair[0], &world->settings, &callbacks, world);
	if (world->client == NULL)
		abort();
	world_turn(world);
}

void
world_ready(struct world *world, const char *extensions)
{
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_hears(world);
	world_says(world, "250-remote\r\n");
	world_says(world, extensions);
	world_says(world, "250 HELP\r\n");
}

void
world_turn(struct world *world)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(world->base, EVLOOP_NONBLOCK);
}

void
world_says_bytes(struct world *world, struct slice bytes)
{
	while (bytes.length > 0) {
		ssize_t sent = send(world->remote, bytes.data, bytes.length, MSG_NOSIGNAL);

		world_turn(world);
		/* A client that has closed hears nothing. */
		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent > 0)
			bytes = slice_from(bytes, (size_t)sent);
	}
	world_turn(world);
}

void
world_says(struct world *world, const char *text)
{
	world_says_bytes(world, slice_from_string(text));
}

const char *
world_hears(struct world *world)
{
	size_t used = 0;

	for (;;) {
		ssize_t got = recv(world->remote, world->heard + used, WORLD_HEARD_MAX - 1 - used, 0);

		if (got <= 0)
			break;
		used += (size_t)got;
		world_turn(world);
	}
	world->heard[used] = '\0';
	return world->heard;
}

void
world_drops(struct world *world)
{
	close(world->remote);
	world->remote = -1;
	world_turn(world);
}

void
world_wait(struct world *world)
{
	unsigned before = world->readies + world->dones + world->ends;

	for (int i = 0; i < 500 && world->readies + world->dones + world->ends == before; i++) {
		event_base_loopexit(world->base, &(struct timeval){ .tv_usec = 10000 });
		event_base_dispatch(world->base);
	}
}

void
world_send(struct world *world)
{
	unsigned before = world->dones;

	client_send(world->client, &world->transaction);
	if (world->dones != before)
		abort(); /* nothing is called back out of client_send */
	world_turn(world);
}
