/*
 * A client logs in: what a process that speaks with clients does of SASL. It carries messages between the client and tabled, which
 * decides (common/ipc/proto_table.h). For smtpd and pop3d.
 *
 *   auth_begin          the client has named a mechanism, perhaps with its first message
 *   auth_line           a line of the client's that answers a challenge
 *   auth_password       instead of both: login and password came some other way
 *   auth_cancel         the client has gone
 */
#ifndef ANGARIUM_MAIL_AUTH_H
#define ANGARIUM_MAIL_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/base64.h"
#include "common/io/tls.h"
#include "common/ipc/proto_table.h"
#include "common/mail/sasl.h"
#include "common/mail/scram.h"

struct link;

enum auth_result {
	AUTH_WAIT,      /* ANSWERED will be called, once, later */
	AUTH_CHALLENGE, /* the client must be sent auth->challenge (base64, may be empty); its next line goes to auth_line */
	AUTH_OK,        /* auth->login, and auth->ticket if the channel gives tickets */
	AUTH_FAILED,
	AUTH_TEMPORARY, /* it could not be decided, or guessing is refused */
	AUTH_MALFORMED, /* what the client sent is no base64, or no message of the mechanism */
	AUTH_CANCELLED, /* by the client, with "*" */
};

enum auth_step {
	AUTH_STEP_FIRST,    /* the client's first message, or the login of LOGIN */
	AUTH_STEP_PASSWORD, /* of LOGIN */
	AUTH_STEP_FINAL,    /* client-final of SCRAM */
	AUTH_STEP_EMPTY,    /* SCRAM is done: the client has our signature, and says nothing more */
	AUTH_STEP_OVER,
};

enum { AUTH_LINK_REPLY_MAX = 4 * 1024 }; /* bytes of tabled's largest answer */

struct auth {
	/* set by the caller, and left alone */
	struct link *link;
	const char *service; /* "smtp" */
	const char *client;  /* its address in numbers */
	struct tls_binding binding; /* all 0 without TLS */
	void (*answered)(struct auth *auth, enum auth_result result);
	void *context;       /* for ANSWERED */

	/* the result */
	char challenge[BASE64_SIZE(SCRAM_SERVER_FIRST_MAX)];
	char login[TABLE_ADDRESS_MAX + 2]; /* canonical */
	unsigned char ticket[TABLE_TICKET_SIZE];

	/* used by auth.c */
	enum sasl_mechanism mechanism;
	enum auth_step step;
	bool waiting;        /* for tabled */
	uint32_t request;
	uint64_t exchange;   /* of SCRAM at tabled; 0: none */
	size_t user_length;
	char user[TABLE_ADDRESS_MAX];
};

/* INITIAL: the client's first message as it stands in its command: base64, or "=" for an empty one; empty when there is none. */
enum auth_result auth_begin(struct auth *auth, enum sasl_mechanism mechanism, struct slice initial);
enum auth_result auth_line(struct auth *auth, struct slice line);
enum auth_result auth_password(struct auth *auth, struct slice login, struct slice password);
/* ANSWERED will not be called any more. Must be called before AUTH goes away, and wipes it. */
void auth_cancel(struct auth *auth);

#endif
