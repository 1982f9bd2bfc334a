/*
 * How many addresses tabled looks up:
 *
 *   bench_lookup SOCKET CLIENTS AT_ONCE SECONDS USERS DOMAIN
 *
 * CLIENTS connections to SOCKET (tabled-smtpd.sock) each keep AT_ONCE questions for u0@DOMAIN ...
 * u(USERS-1)@DOMAIN under way, for SECONDS. Prints the answers a second, and the time between question and
 * answer at the median and at the 99th percentile.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/ipc/proto_table.h"
#include "common/ipc/wire.h"

enum {
	CLIENTS_MAX = 64,
	AT_ONCE_MAX = 4096,
	INPUT_SIZE = 64 * 1024,   /* bytes */
	SLOTS = 1000000,          /* microseconds that the histogram tells apart */
};

struct client {
	int fd;
	struct buffer in, out;
	int64_t asked[AT_ONCE_MAX]; /* nanoseconds */
};

struct bench {
	uint64_t clients, at_once, seconds, users;
	const char *domain;
	uint64_t answers;
	uint64_t wrong; /* answers other than LOCAL */
	uint64_t state; /* of the random numbers */
};

static uint32_t histogram[SLOTS];
static struct client clients[CLIENTS_MAX];

static void
fatal(const char *what)
{
	fprintf(stderr, "bench_lookup: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t
next_random(struct bench *bench)
{
	bench->state ^= bench->state << 13;
	bench->state ^= bench->state >> 7;
	bench->state ^= bench->state << 17;
	return bench->state;
}

static void
ask(struct bench *bench, struct client *client, uint32_t slot)
{
	struct wire_writer writer = wire_begin(&client->out, TABLE_LOOKUP, 0, slot);
	char address[TABLE_ADDRESS_MAX];

	snprintf(address, sizeof(address), "u%ju@%s", (uintmax_t)(next_random(bench) % bench->users),
	         bench->domain);
	wire_put_string(&writer, address);
	if (wire_end(&writer) != 0)
		fatal("a question is too long");
	client->asked[slot] = now_ns();
}

static void
flush_questions(struct client *client)
{
	while (buffer_length(&client->out) > 0) {
		struct slice rest = buffer_slice(&client->out);
		ssize_t sent = send(client->fd, rest.data, rest.length, MSG_NOSIGNAL);

		if (sent < 0)
			fatal("send");
		buffer_consume(&client->out, (size_t)sent);
	}
}

static void
take_answers(struct bench *bench, struct client *client)
{
	struct wire_header header;
	struct slice payload;
	char *room;
	ssize_t got;
	int64_t now;

	if (buffer_reserve(&client->in, INPUT_SIZE, &room) != 0)
		fatal("memory");
	got = recv(client->fd, room, INPUT_SIZE, 0);
	if (got <= 0)
		fatal("receive");
	buffer_commit(&client->in, (size_t)got);
	now = now_ns();
	while (wire_next(buffer_slice(&client->in), INPUT_SIZE, &header, &payload) == 1) {
		int64_t us = (now - client->asked[header.request % AT_ONCE_MAX]) / 1000;

		histogram[us < SLOTS ? us : SLOTS - 1]++;
		bench->answers++;
		bench->wrong += payload.length != 1 || payload.data[0] != TABLE_LOCAL;
		ask(bench, client, header.request);
		buffer_consume(&client->in, WIRE_HEADER_SIZE + (size_t)header.length);
	}
	flush_questions(client);
}

static void
connect_client(const char *path, struct client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	buffer_init(&client->in, 4 * INPUT_SIZE);
	buffer_init(&client->out, 4 * 1024 * 1024);
	client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		fatal(path);
}

static void
run(struct bench *bench)
{
	struct pollfd ready[CLIENTS_MAX];
	int64_t end = now_ns() + (int64_t)bench->seconds * 1000000000;

	for (uint64_t i = 0; i < bench->clients; i++) {
		ready[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		for (uint32_t slot = 0; slot < bench->at_once; slot++)
			ask(bench, &clients[i], slot);
		flush_questions(&clients[i]);
	}
	while (now_ns() < end) {
		if (poll(ready, bench->clients, -1) < 0)
			fatal("poll");
		for (uint64_t i = 0; i < bench->clients; i++)
			if (ready[i].revents != 0)
				take_answers(bench, &clients[i]);
	}
}

static unsigned
percentile(const struct bench *bench, unsigned percent)
{
	uint64_t seen = 0;
	unsigned us = 0;

	while (us < SLOTS - 1 && (seen += histogram[us]) * 100 < bench->answers * percent)
		us++;
	return us;
}

static uint64_t
number(const char *text, uint64_t max)
{
	uint64_t value;

	if (slice_to_number(slice_from_string(text), max, &value) != 0 || value == 0) {
		errno = EINVAL;
		fatal(text);
	}
	return value;
}

int
main(int argc, char **argv)
{
	struct bench bench = { .state = 88172645463325252 };

	if (argc != 7) {
		fprintf(stderr, "usage: bench_lookup SOCKET CLIENTS AT_ONCE SECONDS USERS DOMAIN\n");
		return EXIT_FAILURE;
	}
	bench.clients = number(argv[2], CLIENTS_MAX);
	bench.at_once = number(argv[3], AT_ONCE_MAX);
	bench.seconds = number(argv[4], 3600);
	bench.users = number(argv[5], UINT32_MAX);
	bench.domain = argv[6];
	for (uint64_t i = 0; i < bench.clients; i++)
		connect_client(argv[1], &clients[i]);
	run(&bench);
	printf("%ju lookups a second, %u us at the median, %u us at the 99th percentile, %ju wrong\n",
	       (uintmax_t)(bench.answers / bench.seconds), percentile(&bench, 50), percentile(&bench, 99),
	       (uintmax_t)bench.wrong);
	return bench.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
