/*
 * The base64 content-transfer-encoding (RFC 2045 6.8), bytes as they come in: lines of 76 characters, with CRLF
 * between them.
 */
#ifndef ANGARIUM_MAIL_MIME_ENCODE_H
#define ANGARIUM_MAIL_MIME_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

enum {
	MIME_BASE64_LINE = 57, /* bytes that make a line of 76 characters */
};

struct mime_base64 {
	bool begun; /* a line was written */
	size_t held_length;
	char held[MIME_BASE64_LINE];
};

void mime_base64_begin(struct mime_base64 *base64);
/* Each appends to OUT: 0, -ENOBUFS or -ENOMEM. */
int mime_base64_encode(struct mime_base64 *base64, struct slice bytes, struct buffer *out);
/* The rest; without a line end behind it. */
int mime_base64_end(struct mime_base64 *base64, struct buffer *out);

#endif
