/*
 * The envelope of a message (RFC 5321 2.3.1) with its DSN parameters (RFC 3461), and its encoding for channels and
 * queue records.
 */
#ifndef ANGARIUM_MAIL_ENVELOPE_H
#define ANGARIUM_MAIL_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

enum envelope_limits {
	ENVELOPE_ADDRESS_MAX = 320, /* bytes of an address, without NUL */
	ENVELOPE_ENVID_MAX = 100,   /* bytes, xtext decoded (RFC 3461 4.4) */
	ENVELOPE_ORCPT_MAX = 500,   /* bytes, "rfc822;address", xtext decoded (RFC 3461 4.2) */
	ENVELOPE_CLIENT_MAX = 64,   /* bytes */
	ENVELOPE_SESSION_MAX = 64,  /* bytes */
	ENVELOPE_RECIPIENTS_MAX = 50000,
};

enum envelope_flag {
	ENVELOPE_8BITMIME = 1,   /* BODY=8BITMIME (RFC 6152) */
	ENVELOPE_BINARYMIME = 2, /* BODY=BINARYMIME (RFC 3030) */
	ENVELOPE_SMTPUTF8 = 4,   /* SMTPUTF8 (RFC 6531) */
	ENVELOPE_RET_FULL = 8,   /* RET=FULL (RFC 3461 4.3) */
	ENVELOPE_RET_HDRS = 16,  /* RET=HDRS */
	ENVELOPE_LAST = 32,      /* queued's own: when this fails nobody is told, since it says that a report failed */
};

enum envelope_notify { /* RFC 3461 4.1; 0: the parameter was absent */
	ENVELOPE_NOTIFY_NEVER = 1,
	ENVELOPE_NOTIFY_SUCCESS = 2,
	ENVELOPE_NOTIFY_FAILURE = 4,
	ENVELOPE_NOTIFY_DELAY = 8,
};

struct envelope_recipient {
	struct slice address; /* the forward-path's mailbox, local-part unquoted, domain in lower case */
	struct slice orcpt;   /* "type;address" or empty */
	uint8_t notify;       /* enum envelope_notify */
};

/* All slices point into memory that the holder of the envelope keeps. */
struct envelope {
	struct slice sender; /* the reverse-path's mailbox; empty: the null reverse-path */
	struct slice envid;  /* or empty */
	struct slice client; /* where it came from, for the log and for DSNs: address in numbers, or "local" */
	struct slice session; /* of smtpd, for the log */
	uint8_t flags;       /* enum envelope_flag */
	uint32_t recipient_count;
	struct envelope_recipient *recipients; /* owned by the decoder's caller: envelope_free */
};

/* Appends the encoding to OUT. 0, -ENOBUFS, -ENOMEM. */
int envelope_encode(const struct envelope *envelope, struct buffer *out);
/*
 * Decodes; slices point into ENCODED; envelope_free afterwards. 0, -EINVAL (malformed, over a limit, no recipients,
 * a control byte), -ENOMEM; after an error there is nothing to free.
 */
int envelope_decode(struct slice encoded, struct envelope *envelope_r);
void envelope_free(struct envelope *envelope);

#endif
