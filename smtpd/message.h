/*
 * The content of a message as it comes in: checked, its header section read, completed, and collected.
 *
 * Once there is a reason to refuse it (message->refusal), nothing more of it is kept; the client goes on
 * sending to its end all the same.
 */
#ifndef ANGARIUM_SMTPD_MESSAGE_H
#define ANGARIUM_SMTPD_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/mail/config.h"
#include "smtpd/body.h"
#include "smtpd/headers.h"
#include "smtpd/received.h"
#include "smtpd/reply.h"
#include "smtpd/text.h"

struct mime;

struct message {
	enum reply refusal;      /* why it is refused; REPLY_NONE: it is not */
	bool complete;           /* a missing Date: and Message-ID: are added */
	bool check_from;         /* FROM is filled in */
	struct buffer from;      /* the addresses in From:, each as a C string */
	struct mime *mime;       /* BODY=BINARYMIME: makes lines of the content; or NULL */
	bool header_done;        /* the header section has gone by */
	unsigned hops_limit;
	uint64_t size;           /* bytes that the client sent, unstuffed, unconverted */
	uint64_t size_limit;
	uint64_t queue_id;
	int64_t when;
	struct text text;
	struct headers headers;
	struct body body;
	char hostname[CONFIG_NAME_MAX];
};

struct message_rules {
	const struct config *config; /* read only during message_begin */
	bool complete;
	bool check_from;
	bool binary;                 /* any bytes may come */
	uint64_t announced_size;     /* bytes; 0: unknown */
};

/* None yet: it can be refused and ended. */
void message_init(struct message *message);
/* After message_init: begins with the Received: field. */
void message_begin(struct message *message, const struct message_rules *rules, const struct received *received);
/* The next PIECE of the content, at most BODY_STEP bytes. */
void message_append(struct message *message, struct slice piece);
/* Moves what is in memory into the spool file, as body_spill does; refuses the message when that fails. */
void message_spill(struct message *message, bool all);
/* No more will come: the last checks and additions. */
void message_finish(struct message *message);
/* Refuses the message, if it is not refused already, and gives its memory and its file back. */
void message_refuse(struct message *message, enum reply refusal);
void message_end(struct message *message);

#endif
