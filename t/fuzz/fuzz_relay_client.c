/*
 * A whole session of the relay's client with a server that says anything. Each transaction must be answered once, with a result
 * for each recipient; a success
 * only when the server has said 2xx to the end of the message; and an envelope without faults is said as it is.
 *
 * The first bytes choose how: SMTP or LMTP, what the messages are, how the server's bytes are cut. "@" in the rest stands for
 * well-formed beginnings, so that
 * random inputs get far.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "relayd/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	RECIPIENTS = 3,
	MESSAGES = 4, /* of one session */
	CHOICES = 2,  /* bytes */
};

#define TEXT(literal) { (literal), sizeof(literal) - 1 }

struct session {
	struct client *client;
	struct client_recipient recipients[RECIPIENTS];
	struct client_transaction transaction;
	unsigned sent;
	unsigned done;
	bool over;
};

static void
send_next(struct session *session, struct client *client)
{
	if (session->sent == MESSAGES)
		return;
	session->sent++;
	client_send(client, &session->transaction);
}

static void
on_ready(void *context, struct client *client)
{
	struct session *session = context;

	if (session->sent > 0 || session->over)
		abort();
	send_next(session, client);
}

static void
on_done(void *context, struct client *client, struct client_transaction *transaction, const struct client_outcome *outcome)
{
	struct session *session = context;

	if (++session->done != session->sent || session->over || (outcome->usable && outcome->busy))
		abort();
	for (size_t i = 0; i < transaction->recipient_count; i++) {
		const struct client_result *result = &transaction->recipients[i].result;

		if (transaction->recipients[i].progress != CLIENT_SETTLED || result->text[0] == '\0' || result->status[1] != '.')
			abort();
		if ((result->result == RELAY_DONE) != (result->text[0] == '2') || (result->result == RELAY_DONE && outcome->untouched))
			abort();
	}
	session->over = !outcome->usable;
	if (session->over)
		client_close(&session->client);
	else
		send_next(session, client);
}

static void
on_ended(void *context, struct client *client, const struct client_end *end)
{
	struct session *session = context;

	(void)client;
	if (session->over || session->done != session->sent || end->result.text[0] == '\0' || (end->result.result == RELAY_DONE && !end->ready))
		abort();
	session->over = true;
	client_quit(&session->client);
}

static const struct client_callbacks callbacks = { .ready = on_ready, .done = on_done, .ended = on_ended };

static void
turn(struct event_base *base)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* The client's words go nowhere. */
static void
swallow(struct event_base *base, int remote)
{
	static char area[65536];

	do
		turn(base);
	while (recv(remote, area, sizeof(area), 0) > 0);
}

static void
say(struct event_base *base, int remote, struct slice text)
{
	swallow(base, remote);
	if (text.length > 0)
		send(remote, text.data, text.length, MSG_NOSIGNAL);
	swallow(base, remote);
}

/* What "@" followed by a byte stands for. */
static struct slice
phrase(unsigned char which)
{
	static const struct slice phrases[] = {
		TEXT("220 hello\r\n"), TEXT("250 Ok\r\n"), TEXT("354 go\r\n"), TEXT("550 5.1.1 no\r\n"), TEXT("451 4.3.0 later\r\n"),
		TEXT("250-remote\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 DSN\r\n"), TEXT("250-remote\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
		TEXT("421 bye\r\n"), TEXT("503 x\r\n"), TEXT("500 x\r\n"), TEXT("250-remote\r\n250 SIZE 30\r\n"),
		TEXT("250-remote\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n"),
	};

	return phrases[which % (sizeof(phrases) / sizeof(phrases[0]))];
}

static void
play(struct event_base *base, int remote, struct slice input)
{
	while (input.length > 0) {
		size_t end = slice_find(input, '@');
		struct slice plain = slice_first(input, end);

		/* Each run up to a NUL is a piece of its own. */
		while (plain.length > 0) {
			struct slice piece = slice_first(plain, slice_find(plain, '\0') + 1);

			say(base, remote, piece);
			plain = slice_from(plain, piece.length);
		}
		input = slice_from(input, end + 1);
		if (input.length > 0) {
			say(base, remote, phrase((unsigned char)input.data[0]));
			input = slice_from(input, 1);
		}
	}
}

static void
choose(struct session *session, struct client_settings *settings, const uint8_t *choices)
{
	static const struct slice bodies[] = {
		TEXT("Subject: x\r\n\r\n.hello\r\n"), TEXT(""), TEXT("Subject: x\r\n\r\nm\xc3\xa4h\r\n"), TEXT("Subject: \xc3\xa4\r\n\r\n"),
	};

	*settings = (struct client_settings){ .hostname = "me.example", .remote = "remote", .lmtp = (choices[0] & 1) != 0,
		                              .whole_data = (choices[0] & 2) != 0, .command_timeout = 60000, .data_timeout = 60000, .end_timeout = 60000 };
	session->transaction = (struct client_transaction){
		.sender = SLICE("s@example.com"), .body_fd = -1, .body = bodies[choices[1] % 4], .recipients = session->recipients,
		.recipient_count = 1 + choices[0] / 64 % RECIPIENTS, .flags = choices[1] / 16,
	};
	session->transaction.size = session->transaction.body.length;
	for (size_t i = 0; i < RECIPIENTS; i++)
		session->recipients[i].address = (choices[1] & 8) != 0 && i == 1 ? SLICE("\xc3\xa4@example.org") : SLICE("a@example.org");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session session = { .sent = 0 };
	struct client_settings settings;
	struct event_base *base;
	int pair[2];

	if (size < CHOICES)
		return 0;
	log_set_level(LOG_ERR);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	base = event_base_new();
	choose(&session, &settings, data);
	session.client = client_new(base, pair[0], &settings, &callbacks, &session);
	play(base, pair[1], slice_from(slice_of(data, size), CHOICES));
	close(pair[1]);
	for (int i = 0; i < 10; i++)
		turn(base);
	/* Without a remote there is no session, and nothing is under way. */
	if (!session.over || session.done != session.sent)
		abort();
	client_close(&session.client);
	event_base_free(base);
	return 0;
}
