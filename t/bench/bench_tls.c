/*
 * How many TLS handshakes a server makes in a second:
 *
 *   bench_tls PORT new|resumed SECONDS [CLIENTS]
 *
 * CLIENTS processes connect to PORT of 127.0.0.1 one handshake after the other. "resumed" takes a session in the first and resumes it in all
 * others; a server that does not resume is an error. Compare with: openssl s_server -quiet -accept PORT -cert FILE -key FILE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/slice.h"

enum {
	CLIENTS_MAX = 64,
	TICKET_MS = 500, /* for which a ticket is waited for */
};

static SSL_CTX *context;
static struct sockaddr_in address = { .sin_family = AF_INET };

static void
fail(const char *what)
{
	fprintf(stderr, "bench_tls: %s\n", what);
	exit(EXIT_FAILURE);
}

static SSL *
shake(SSL_SESSION *session)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;
	SSL *ssl = SSL_new(context);

	if (fd < 0 || ssl == NULL || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail(strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL_set_fd(ssl, fd);
	if (session != NULL)
		SSL_set_session(ssl, session);
	if (SSL_connect(ssl) != 1)
		fail("the handshake failed");
	if (session != NULL && !SSL_session_reused(ssl))
		fail("the session was not resumed");
	return ssl;
}

/* Resets the connection, so that no port stays in TIME_WAIT. */
static void
hang_up(SSL *ssl)
{
	struct linger now = { .l_onoff = 1 };
	int fd = SSL_get_fd(ssl);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* the session stays good */
	SSL_free(ssl);
	close(fd);
}

/* The ticket comes after the handshake. */
static SSL_SESSION *
take_session(void)
{
	SSL *ssl = shake(NULL);
	struct pollfd wait = { .fd = SSL_get_fd(ssl), .events = POLLIN };
	SSL_SESSION *session;
	char text[1024];

	while (!SSL_SESSION_is_resumable(SSL_get0_session(ssl)) && poll(&wait, 1, TICKET_MS) == 1) {
		int got = SSL_read(ssl, text, sizeof(text));

		if (got <= 0 && SSL_get_error(ssl, got) != SSL_ERROR_WANT_READ)
			break;
	}
	session = SSL_get1_session(ssl);
	hang_up(ssl);
	if (!SSL_SESSION_is_resumable(session))
		fail("there is no ticket");
	return session;
}

static uint32_t
run(bool resumed, int64_t milliseconds)
{
	SSL_SESSION *session = resumed ? take_session() : NULL;
	int64_t end = clock_monotonic_ms() + milliseconds;
	uint32_t count = 0;

	while (clock_monotonic_ms() < end) {
		hang_up(shake(session));
		count++;
	}
	return count;
}

int
main(int argc, char **argv)
{
	uint64_t port, seconds, clients = 1;
	uint64_t total = 0;
	int results[2];

	if (argc < 4 || argc > 5 || slice_to_number(slice_from_string(argv[1]), UINT16_MAX, &port) != 0 ||
	    slice_to_number(slice_from_string(argv[3]), 3600, &seconds) != 0 || seconds == 0 ||
	    (argc == 5 && (slice_to_number(slice_from_string(argv[4]), CLIENTS_MAX, &clients) != 0 || clients == 0)))
		fail("usage: bench_tls PORT new|resumed SECONDS [CLIENTS]");
	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL || pipe(results) != 0)
		fail("out of memory");
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); /* a read that only took a ticket comes back */
	for (uint64_t i = 0; i < clients; i++) {
		if (fork() == 0) {
			uint32_t count = run(strcmp(argv[2], "resumed") == 0, (int64_t)seconds * 1000);

			_exit(write(results[1], &count, sizeof(count)) == sizeof(count) ? EXIT_SUCCESS : EXIT_FAILURE);
		}
	}
	for (uint64_t i = 0; i < clients; i++) {
		uint32_t count;
		int status;

		if (wait(&status) < 0 || status != 0 || read(results[0], &count, sizeof(count)) != sizeof(count))
			fail("a client failed");
		total += count;
	}
	printf("%llu %s handshakes a second\n", (unsigned long long)(total / seconds), argv[2]);
	return EXIT_SUCCESS;
}
