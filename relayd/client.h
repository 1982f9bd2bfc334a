/*
 * The client of SMTP (RFC 5321) and LMTP (RFC 2033): one session over a connected socket, with one transaction after the other.
 *
 * A session goes: greeting, EHLO, STARTTLS, AUTH; then READY is called, and from then on each client_send is answered by one call
 * of DONE. A session
 * that cannot get ready, or ends while it waits for work, calls ENDED. Nothing is tried again here: the caller knows whether there are
 * other hosts and other connections.
 *
 * Callbacks come out of the event loop, never out of a call of these functions, and may call any of them, client_close too.
 */
#ifndef ANGARIUM_RELAYD_CLIENT_H
#define ANGARIUM_RELAYD_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/io/tls.h"
#include "common/io/tls_client.h"
#include "common/ipc/proto_jobs.h"
#include "common/ipc/proto_relay.h"

struct client;

enum {
	CLIENT_STATUS_SIZE = 12, /* bytes of an enhanced status code (RFC 3463), with its NUL */
};

enum client_tls {
	CLIENT_TLS_OFF,
	CLIENT_TLS_MAY,  /* when it is offered */
	CLIENT_TLS_MUST, /* or no mail is sent */
};

/* What it all points to must live as long as the client. */
struct client_settings {
	const char *hostname;     /* ours */
	const char *remote;       /* for the log: "mx.example.org [192.0.2.1]:25" */
	bool lmtp;
	bool whole_data;          /* DATA even where CHUNKING is offered: after CLIENT_OUTCOME's chunking_refused */
	enum client_tls tls;
	bool tls_at_once;         /* before the greeting (RFC 8314 3.3), instead of STARTTLS; with CLIENT_TLS_MUST */
	struct tls_client_context *tls_context; /* NULL only with CLIENT_TLS_OFF */
	const struct tls_client_settings *tls_settings; /* whom the server must be; likewise */
	struct slice login;       /* empty: no AUTH. A password is sent under TLS only. */
	struct slice password;
	/* Milliseconds, each for one step as a whole (RFC 5321 4.5.3.2) */
	uint32_t command_timeout; /* greeting, TLS handshake, and the reply to a command */
	uint32_t data_timeout;    /* the reply to DATA, and for each block of the message to leave */
	uint32_t end_timeout;     /* the reply to the end of the message, or of a chunk */
};

struct client_result {
	enum relay_result result;
	char status[CLIENT_STATUS_SIZE]; /* "5.1.1": the remote's, or made from its reply code */
	char text[JOBS_TEXT_MAX];       /* the remote's words with its reply code, or ours without one; printable, UTF-8, one line */
};

/* How far a recipient is; the client's own. */
enum client_progress {
	CLIENT_WAITING,
	CLIENT_ACCEPTED, /* by the reply to RCPT */
	CLIENT_SETTLED,  /* the result is there */
};

struct client_recipient {
	struct slice address; /* as in envelopes: unquoted */
	struct slice orcpt;   /* "type;address", or empty */
	uint8_t notify;       /* enum envelope_notify */
	struct client_result result; /* set when DONE is called */
	enum client_progress progress;
};

/* One message to some recipients. The caller keeps it, with what it points to, until DONE or client_close. */
struct client_transaction {
	struct slice sender;  /* the reverse-path; empty: the null one */
	struct slice envid;   /* or empty */
	uint8_t flags;        /* enum relay_flag */
	struct slice body;    /* with CRLF line ends; of no meaning when there is a descriptor */
	int body_fd;          /* the body from its offset 0 on, read with pread(2); -1: none. It stays the caller's. */
	uint64_t size;        /* bytes of the body, wherever it is */
	uint32_t checksum;    /* of a body in a descriptor (common/io/body_file.h) */
	size_t recipient_count; /* at least 1 */
	struct client_recipient *recipients;
};

/* What a transaction has shown besides the results of its recipients. */
struct client_outcome {
	bool usable;           /* the session is ready for another one. If not, there is nothing left to do but client_quit, or client_close. */
	bool dsn;              /* the remote takes DSN's parameters upon itself (RFC 3461); of those whose result is RELAY_DONE */
	bool busy;             /* the remote closes with 421 */
	bool deferred;         /* MAIL was answered with 4xx: another host may take the message (RFC 5321 5.1) */
	/*
	 * The session ended before anything was answered, as one does that the remote gave up while it was idle. Over a session
	 * that was used before, that
	 * says nothing of the destination: the same may be sent over another connection at once.
	 */
	bool untouched;
	bool chunking_refused; /* CHUNKING was offered, and BDAT is unknown all the same: over another connection, with WHOLE_DATA, it may go */
};

/* Why a session is over that has no transaction. */
struct client_end {
	bool ready;         /* it had been ready, and was idle: no fault of anybody */
	bool busy;          /* the remote closes with 421 */
	bool tls_failed;    /* the handshake: where policy allows, another connection may go on in the clear */
	struct client_result result; /* what there is to be said to targets if no other host takes them; TEMPORARY or PERMANENT */
};

struct client_callbacks {
	/* Once: the session is ready. */
	void (*ready)(void *context, struct client *client);
	void (*done)(void *context, struct client *client, struct client_transaction *transaction, const struct client_outcome *outcome);
	/* There is nothing left to do but client_quit, or client_close. */
	void (*ended)(void *context, struct client *client, const struct client_end *end);
};

/*
 * Begins a session on FD, which is connected and non-blocking, and belongs to the client from now on. NULL when out of memory, or
 * when the settings for TLS
 * cannot be fulfilled; FD is closed then.
 */
struct client *client_new(struct event_base *base, int fd, const struct client_settings *settings,
                          const struct client_callbacks *callbacks, void *context);
/* Begins a transaction. The session is ready and has none. */
void client_send(struct client *client, struct client_transaction *transaction);
/* Says QUIT (where the remote would understand it) and closes in the background. No callback is called any more. Sets *client to NULL. */
void client_quit(struct client **client);
/* Closes at once; what is under way is forgotten. Sets *client to NULL. */
void client_close(struct client **client);

/* False while there is no TLS. */
bool client_tls_info(const struct client *client, struct tls_info *info_r);

#endif
