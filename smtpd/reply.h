/*
 * Everything that the server says: reply codes (RFC 5321 4.2) with enhanced status codes (RFC 2034, 3463), in
 * one place.
 */
#ifndef ANGARIUM_SMTPD_REPLY_H
#define ANGARIUM_SMTPD_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"

struct conn;

enum reply {
	REPLY_NONE, /* none yet; never sent */

	/* done */
	REPLY_OK,
	REPLY_AUTH_OK,
	REPLY_SENDER_OK,
	REPLY_RECIPIENT_OK,
	REPLY_CHUNK_OK,
	REPLY_VERIFY,
	REPLY_HELP,
	REPLY_GO_ON, /* 354 */
	REPLY_START_TLS,
	REPLY_BYE,

	/* bad commands */
	REPLY_UNKNOWN_COMMAND,
	REPLY_NOT_IMPLEMENTED,
	REPLY_LINE_TOO_LONG,
	REPLY_BARE_LF,
	REPLY_CONTROL,
	REPLY_COMMAND_NOT_ASCII,
	REPLY_ARGUMENTS,
	REPLY_HELLO_SYNTAX,
	REPLY_SENDER_SYNTAX,
	REPLY_RECIPIENT_SYNTAX,
	REPLY_SENDER_NOT_ASCII,
	REPLY_RECIPIENT_NOT_ASCII,
	REPLY_PARAMETER_SYNTAX,
	REPLY_PARAMETER_UNKNOWN,
	REPLY_PARAMETER_NOT_ASCII,
	REPLY_CHUNK_SYNTAX,
	REPLY_HELLO_FIRST,
	REPLY_MAIL_FIRST,
	REPLY_RECIPIENT_FIRST,
	REPLY_NESTED_MAIL,
	REPLY_IN_CHUNKS,
	REPLY_ALREADY_TLS,
	REPLY_BINARY_DATA,
	REPLY_AUTH_TWICE,
	REPLY_AUTH_UNKNOWN,
	REPLY_AUTH_MALFORMED,

	/* refused */
	REPLY_AUTH_FAILED,
	REPLY_AUTH_CANCELLED,
	REPLY_AUTH_NEEDS_TLS,
	REPLY_AUTH_REQUIRED,
	REPLY_SENDER_NOT_YOURS,
	REPLY_FROM_NOT_YOURS,
	REPLY_FROM_MALFORMED,
	REPLY_EXPAND,
	REPLY_NO_RECIPIENTS,
	REPLY_NO_MAILBOX,
	REPLY_DISABLED,
	REPLY_ALIAS_LOOP,
	REPLY_RELAY_DENIED,
	REPLY_TOO_BIG,
	REPLY_TOO_MANY_HOPS,
	REPLY_BARE_LINE_END,
	REPLY_NUL,
	REPLY_UNCONVERTIBLE,

	/* not now */
	REPLY_AUTH_TEMPORARY,
	REPLY_TOO_MANY_RECIPIENTS,
	REPLY_MESSAGE_RATE,
	REPLY_RECIPIENT_RATE,
	REPLY_LOOKUP_FAILED,
	REPLY_QUEUE_FAILED,
	REPLY_NO_SPACE,
	REPLY_NO_MEMORY,
	REPLY_MEMORY_FULL,
	REPLY_TLS_UNAVAILABLE,

	/* the end */
	REPLY_TIMEOUT,
	REPLY_TOO_MANY_ERRORS,
	REPLY_TOO_MANY_SESSIONS,
	REPLY_SHUTDOWN,

	REPLY_COUNT,
};

/* True for the replies to what no sound client would send. */
static inline bool
reply_is_bad_command(enum reply reply)
{
	return reply >= REPLY_UNKNOWN_COMMAND && reply <= REPLY_AUTH_MALFORMED;
}

/* The whole line, with CRLF. */
struct slice reply_line(enum reply reply);
/* The same without CRLF, for the log. */
struct slice reply_text(enum reply reply);

/* Each returns 0 or a negative errno value of conn_write. */
int reply_send(struct conn *conn, enum reply reply);
int reply_greeting(struct conn *conn, const char *hostname);
int reply_helo(struct conn *conn, const char *hostname);
/* 334, with a challenge of AUTH in base64 */
int reply_challenge(struct conn *conn, const char *challenge);

/* The service extensions (RFC 5321 4.1.1.1) that are not always the same. */
struct reply_extensions {
	uint64_t size_limit;
	uint32_t recipients_limit;
	bool starttls;
	const char *mechanisms; /* of AUTH, or "" */
};

int reply_ehlo(struct conn *conn, const char *hostname, const struct reply_extensions *extensions);
/* The message is durable under this id. */
int reply_queued(struct conn *conn, uint64_t queue_id);

#endif
