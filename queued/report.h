/*
 * The text of a report about a message: a delivery status notification (RFC 3464, 6533) in a multipart/report (RFC 6522).
 * A pure function from what happened to a message.
 */
#ifndef ANGARIUM_QUEUED_REPORT_H
#define ANGARIUM_QUEUED_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"

/* What the report is about: decides its subject and introduction. */
enum report_kind {
	REPORT_FAILURE,
	REPORT_DELAY,
	REPORT_SUCCESS,
	REPORT_DOUBLE, /* a message without a sender failed: a report that could not be delivered. To the postmaster */
};

/* What became of one recipient. */
enum report_action {
	REPORT_FAILED,
	REPORT_EXPIRED,   /* given up after its time, and not refused */
	REPORT_DELAYED,
	REPORT_DELIVERED,
	REPORT_RELAYED,   /* to a host that sends no reports of success */
	REPORT_EXPANDED,  /* to the members of an alias (RFC 3461 5.2.7.3) */
};

struct report_recipient {
	enum report_action action;
	struct slice original; /* ORCPT, "type;address" (RFC 3461 4.2), or empty */
	struct slice final;    /* the address that this is about */
	struct slice via;      /* the address that the sender wrote, when it led to FINAL; or empty */
	struct slice status;   /* enhanced status code */
	struct slice remote;   /* the host that said so, "mx.example.org [192.0.2.1]:25"; empty: we say so ourselves */
	struct slice text;     /* its words, with its reply code; or ours */
};

enum report_content {
	REPORT_HEADERS, /* the header section is returned */
	REPORT_FULL,    /* the whole message */
};

/* All slices are without control bytes, but for CONTENT, which is a message with CRLF line ends. */
struct report {
	enum report_kind kind;
	const char *hostname;
	const char *id;          /* the report's own queue id */
	const char *original_id; /* that of the message it is about */
	const char *boundary;    /* occurs nowhere in the content: random */
	int64_t now;             /* seconds since 1970 */
	int64_t arrival;         /* of the message that it is about */
	int64_t until;           /* when that is given up; for REPORT_DELAY */
	struct slice to;         /* who gets the report */
	struct slice envid;      /* of the message, or empty */
	struct slice client;     /* where it came from: an address in numbers; "local" or empty: not to be told */
	struct slice message_id; /* of the message, "<...>" in ASCII, or empty */
	const struct report_recipient *recipients;
	size_t recipient_count;
	enum report_content returned;
	bool global;             /* CONTENT was sent with SMTPUTF8 (RFC 6532) */
	struct slice content;    /* what is returned of the message */
};

/* What the report needs of the next hop. */
struct report_traits {
	bool eight_bit; /* holds bytes above 127 */
	bool utf8;      /* holds them in its own header: needs SMTPUTF8 */
};

/* Appends the message, CRLF line ends, header first. 0, -ENOBUFS, -ENOMEM. */
int report_compose(const struct report *report, struct buffer *out, struct report_traits *traits_r);

#endif
