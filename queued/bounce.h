/*
 * The text of a bounce: a delivery status notification (RFC 3464) in a multipart/report (RFC 6522).
 */
#ifndef ANGARIUM_QUEUED_BOUNCE_H
#define ANGARIUM_QUEUED_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"

struct bounce_recipient {
	struct slice original; /* ORCPT, "type;address" (RFC 3461 4.2), or empty */
	struct slice final;    /* the address that failed */
	struct slice status;   /* enhanced status code */
	struct slice text;     /* for people */
	bool expired;          /* given up after its time, and not refused */
};

enum bounce_content {
	BOUNCE_HEADERS, /* the header section is returned */
	BOUNCE_FULL,    /* the whole message */
};

/* All slices are without control bytes, but for CONTENT, which is a message with CRLF line ends. */
struct bounce {
	const char *hostname;
	const char *id;          /* the bounce's own queue id */
	const char *message_id;  /* that of the message that failed */
	const char *boundary;    /* occurs nowhere in the content: random */
	int64_t now;             /* seconds since 1970 */
	int64_t arrival;         /* of the message that failed */
	struct slice sender;     /* of the message that failed */
	struct slice envid;      /* or empty */
	const struct bounce_recipient *recipients;
	size_t recipient_count;
	enum bounce_content returned;
	struct slice content;    /* what is returned of the message */
};

/* What the bounce needs of the next hop. */
struct bounce_traits {
	bool eight_bit; /* holds bytes above 127 */
	bool utf8;      /* holds them in addresses (RFC 6533): needs SMTPUTF8 */
};

/* Appends the message, CRLF line ends, header first. 0, -ENOBUFS, -ENOMEM. */
int bounce_compose(const struct bounce *bounce, struct buffer *out, struct bounce_traits *traits_r);

#endif
