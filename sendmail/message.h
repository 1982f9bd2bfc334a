/*
 * A message as programs write it on standard input, and as it is submitted: lines end in CRLF, the blind recipients are
 * gone from its header section, and it has a From: field. (Date: and Message-ID: are added by the server.)
 *
 * Pure: from bytes to bytes.
 */
#ifndef ANGARIUM_SENDMAIL_MESSAGE_H
#define ANGARIUM_SENDMAIL_MESSAGE_H

#include <stdbool.h>

#include "common/base/buffer.h"

/* Addresses, one behind the other, each as a C string, unquoted and with a domain. */
struct recipients {
	struct buffer list;
	size_t count;
};

void recipients_init(struct recipients *recipients);
void recipients_free(struct recipients *recipients);
/*
 * Adds the addresses in TEXT, a list as in a header field (RFC 5322 3.4, with groups and comments); one without a domain
 * gets DOMAIN. 0; -EINVAL: it is malformed, and those before the mistake were added; -ENOBUFS: too many; -ENOMEM.
 */
int recipients_add(struct recipients *recipients, struct slice text, const char *domain);

struct message_rules {
	bool dots;         /* a line with a dot alone is text, not the end */
	bool from_header;  /* the recipients are those of To:, Cc: and Bcc: (of the Resent- ones, when there are some) */
	const char *domain; /* for addresses without one */
	const char *from;   /* what a From: field says when there is none */
};

struct message {
	struct buffer content;
	struct recipients recipients; /* with from_header */
	bool eight_bit;               /* there is a byte above 127 */
};

/* LIMIT: bytes of the content, at most. */
void message_init(struct message *message, size_t limit);
void message_free(struct message *message);
/* 0, -EINVAL (an address in the header is malformed), -ENOBUFS (it is too large), -ENOMEM. */
int message_prepare(struct message *message, const struct message_rules *rules, struct slice input);

#endif
