/*
 * The header fields that this server writes: Received: (RFC 5321 4.4), and Date: and Message-ID: where a
 * submitted message lacks them (RFC 6409 8.2, 8.3).
 */
#ifndef ANGARIUM_SMTPD_RECEIVED_H
#define ANGARIUM_SMTPD_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

struct tls_info;

struct received {
	const char *helo;       /* as the client named itself: a domain or an address literal */
	const char *client;     /* its address in numbers, or, LOCAL, "uid:NUMBER" */
	const char *hostname;   /* ours */
	bool extended;          /* EHLO, not HELO */
	bool utf8;              /* SMTPUTF8 */
	bool authenticated;
	bool local;             /* from a user of this host */
	const struct tls_info *tls; /* NULL without TLS */
	uint64_t queue_id;
	struct slice recipient; /* the only one; empty when there are several, so that none sees the others */
	int64_t when;           /* seconds since 1970 */
};

/* 0, -ENOBUFS or -ENOMEM of OUT. */
int received_append(const struct received *received, struct buffer *out);
int received_append_date(int64_t when, struct buffer *out);
int received_append_message_id(uint64_t queue_id, int64_t when, const char *hostname, struct buffer *out);

#endif
