/*
 * How fast a POP3 server is:
 *
 *   bench_pop3 PORT USER PASSWORD open COUNT          login, STAT, QUIT, COUNT times one after the other: milliseconds until STAT's reply, median
 *   bench_pop3 PORT USER PASSWORD retr PIPELINED      logs in, says "ready", waits until its standard input ends; then RETR of all messages,
 *                                                     PIPELINED commands ahead (1: one at a time): messages a second
 *   bench_pop3 PORT USER PASSWORD logins CLIENTS SECONDS USERS
 *                                                     CLIENTS at once: login, STAT, QUIT; USER has "%" for 0 to USERS - 1: logins a second
 *   bench_pop3 PORT USER PASSWORD idle SESSIONS       logs in as user 0 to SESSIONS - 1, says "ready", and keeps the sessions until its standard input ends
 *
 * PORT is of 127.0.0.1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/slice.h"

enum {
	INPUT_SIZE = 256 * 1024, /* bytes */
	RUNS_MAX = 10000,
	CLIENTS_MAX = 256,
};

struct client {
	int fd;
	size_t used, end; /* of INPUT */
	char input[INPUT_SIZE];
};

static struct sockaddr_in address = { .sin_family = AF_INET };
static const char *user, *password;

static void
fatal(const char *what)
{
	fprintf(stderr, "bench_pop3: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t
number(const char *text)
{
	uint64_t value = 0;

	if (text == NULL || slice_to_number(slice_from_string(text), UINT32_MAX, &value) != 0 || value == 0)
		fatal("usage: bench_pop3 PORT USER PASSWORD open|retr|logins|idle NUMBER...");
	return value;
}

static void
client_fill(struct client *client)
{
	ssize_t count;

	if (client->used > 0) {
		memmove(client->input, client->input + client->used, client->end - client->used);
		client->end -= client->used;
		client->used = 0;
	}
	if (client->end == INPUT_SIZE)
		fatal("a line is too long");
	count = read(client->fd, client->input + client->end, INPUT_SIZE - client->end);
	if (count <= 0)
		fatal("the server closed");
	client->end += (size_t)count;
}

/* The next line, without its end. */
static struct slice
client_line(struct client *client)
{
	for (;;) {
		const char *start = client->input + client->used;
		const char *end = memchr(start, '\n', client->end - client->used);

		if (end != NULL) {
			client->used += (size_t)(end + 1 - start);
			return slice_of(start, (size_t)(end - start));
		}
		client_fill(client);
	}
}

static void
client_ok(struct client *client)
{
	struct slice line = client_line(client);

	if (line.length < 3 || memcmp(line.data, "+OK", 3) != 0) {
		errno = 0;
		fprintf(stderr, "%.*s\n", (int)line.length, line.data);
		fatal("the server refused");
	}
}

/* Until the line that is a dot: looked for as one string, so that the client costs little beside the server. */
static void
client_multiline(struct client *client)
{
	static const char end[] = "\r\n.\r\n";
	size_t searched = 0;

	client_ok(client);
	client->used -= 2; /* the end of the first line may begin it */
	for (;;) {
		const char *start = client->input + client->used;
		const char *found = memmem(start + searched, client->end - client->used - searched, end, sizeof(end) - 1);

		if (found != NULL) {
			client->used = (size_t)(found - client->input) + sizeof(end) - 1;
			return;
		}
		searched = client->end - client->used < sizeof(end) ? 0 : client->end - client->used - sizeof(end) + 2;
		client_fill(client);
	}
}

static void
client_say(struct client *client, const char *format, ...)
{
	char line[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(line) || write(client->fd, line, (size_t)length) != length)
		fatal("write");
}

static void
client_connect(struct client *client)
{
	int on = 1;

	client->used = client->end = 0;
	client->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fatal("connect");
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	client_ok(client);
}

static void
client_login(struct client *client, uint64_t index)
{
	size_t before = strcspn(user, "%");

	client_connect(client);
	if (user[before] == '%')
		client_say(client, "USER %.*s%" PRIu64 "%s\r\n", (int)before, user, index, user + before + 1);
	else
		client_say(client, "USER %s\r\n", user);
	client_ok(client);
	client_say(client, "PASS %s\r\n", password);
	client_ok(client);
}

static uint64_t
client_stat(struct client *client)
{
	struct slice line;

	client_say(client, "STAT\r\n");
	line = client_line(client);
	if (line.length < 4 || memcmp(line.data, "+OK ", 4) != 0)
		fatal("STAT");
	return strtoull(line.data + 4, NULL, 10);
}

static void
client_quit(struct client *client)
{
	struct linger reset = { 1, 0 };

	client_say(client, "QUIT\r\n");
	client_ok(client);
	setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* no port stays in TIME_WAIT */
	close(client->fd);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
bench_open(struct client *client, uint64_t count)
{
	static double times[RUNS_MAX];

	for (uint64_t i = 0; i < count && i < RUNS_MAX; i++) {
		double start = now();

		client_login(client, 0);
		client_stat(client);
		times[i] = now() - start;
		client_quit(client);
	}
	qsort(times, count, sizeof(times[0]), compare);
	printf("%.3f\n", times[count / 2] * 1000);
}

/* For who started it: all until here was preparation. Returns when standard input has ended. */
static void
say_ready(void)
{
	char byte;

	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
}

static void
bench_retr(struct client *client, uint64_t ahead)
{
	uint64_t count, asked = 0;
	double start;

	client_login(client, 0);
	count = client_stat(client);
	say_ready();
	start = now();
	for (uint64_t got = 0; got < count; got++) {
		/* Half of them are asked for at once, so that commands share packets. */
		while (asked < count && (asked == got || asked - got < ahead / 2)) {
			char commands[CLIENTS_MAX * 16];
			int length = 0;

			for (uint64_t end = got + ahead; asked < count && asked < end && length < (int)sizeof(commands) - 16; asked++)
				length += snprintf(commands + length, sizeof(commands) - (size_t)length, "RETR %" PRIu64 "\r\n", asked + 1);
			if (write(client->fd, commands, (size_t)length) != length)
				fatal("write");
		}
		client_multiline(client);
	}
	printf("%.0f\n", (double)count / (now() - start));
	fflush(stdout); /* QUIT is not part of it */
	client_quit(client);
}

static uint64_t
login_until(struct client *client, double end, uint64_t first, uint64_t step, uint64_t users)
{
	uint64_t count = 0;

	for (uint64_t index = first; now() < end; index += step, count++) {
		client_login(client, index % users);
		client_stat(client);
		client_quit(client);
	}
	return count;
}

static void
bench_logins(struct client *client, uint64_t clients, uint64_t seconds, uint64_t users)
{
	uint64_t *counts = mmap(NULL, clients * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double start = now();
	uint64_t sum = 0;

	if (counts == MAP_FAILED)
		fatal("mmap");
	for (uint64_t i = 0; i < clients; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fatal("fork");
		if (pid == 0) {
			counts[i] = login_until(client, start + (double)seconds, i, clients, users);
			_exit(EXIT_SUCCESS);
		}
	}
	for (int status; wait(&status) > 0;)
		if (status != 0)
			fatal("a client failed");
	for (uint64_t i = 0; i < clients; i++)
		sum += counts[i];
	printf("%.0f\n", (double)sum / (now() - start));
}

static void
bench_idle(struct client *client, uint64_t sessions)
{
	for (uint64_t i = 0; i < sessions; i++)
		client_login(client, i); /* the descriptor stays open */
	say_ready();
}

int
main(int argc, char **argv)
{
	static struct client client;
	const char *mode = argc > 4 ? argv[4] : "";

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)number(argc > 1 ? argv[1] : NULL));
	user = argc > 2 ? argv[2] : "";
	password = argc > 3 ? argv[3] : "";
	if (strcmp(mode, "open") == 0 && argc == 6)
		bench_open(&client, number(argv[5]));
	else if (strcmp(mode, "retr") == 0 && argc == 6)
		bench_retr(&client, number(argv[5]));
	else if (strcmp(mode, "logins") == 0 && argc == 8)
		bench_logins(&client, number(argv[5]), number(argv[6]), number(argv[7]));
	else if (strcmp(mode, "idle") == 0 && argc == 6)
		bench_idle(&client, number(argv[5]));
	else
		number(NULL);
	return EXIT_SUCCESS;
}
