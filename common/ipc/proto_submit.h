/*
 * smtpd hands messages to queued, over queued-smtpd.sock.
 *
 * When a channel opens, queued sends a first SUBMIT_IDS. A worker takes its queue ids from that range, one a message (also for one that it then
 * does not submit), and asks for more before it runs out. As long as SUBMIT_SPACE has said nothing else there is space.
 */
#ifndef ANGARIUM_IPC_PROTO_SUBMIT_H
#define ANGARIUM_IPC_PROTO_SUBMIT_H

#include <stdint.h>

enum {
	SUBMIT_IDS_COUNT = 4096,          /* ids in one range */
	SUBMIT_FIELDS_MAX = 4 * 1024,     /* the most that smtpd adds to a message, over message_size_limit, bytes */
	SUBMIT_INLINE_MAX = 1024 * 1024,  /* the most that inline_limit may be, bytes */
	SUBMIT_FRAME_MAX = 4 * 1024 * 1024, /* bytes of the largest payload: inline body and an envelope of 1,000 recipients */
};

/*
 * The largest body, bytes: a client's message of message_size_limit may have had fields added, and its binary parts made a third larger (base64).
 */
static inline uint64_t
submit_body_limit(uint64_t message_size_limit)
{
	return message_size_limit + message_size_limit / 2 + SUBMIT_FIELDS_MAX;
}

enum submit_type {
	/* queued -> smtpd, request id 0 when unasked: u64 first, u32 count */
	SUBMIT_IDS = 1,
	/* smtpd -> queued: no field; answered by SUBMIT_IDS */
	SUBMIT_IDS_MORE = 2,

	/* smtpd -> queued: u64 queue id, u64 announced size (bytes, 0: unknown). A body too large to be inline. */
	SUBMIT_BODY_OPEN = 3,
	/* queued -> smtpd: u8 result (enum submit_result); a descriptor, open for writing, travels with it when the result is OK (the
	 * frame then has type SUBMIT_BODY_OPENED, else SUBMIT_BODY_REFUSED) */
	SUBMIT_BODY_OPENED = 4,
	SUBMIT_BODY_REFUSED = 5,
	/* smtpd -> queued: u64 queue id. The body is not wanted any more; no reply, request id 0. */
	SUBMIT_BODY_ABORT = 6,

	/*
	 * smtpd -> queued: u64 queue id; slice envelope (common/mail/envelope.h); u8 where (0: inline, 1: in the spool file opened for this id);
	 * u64 size of the body in bytes; u32 and u32 checksums of a body in the file (common/io/body_file.h: whole, beginning; else 0 and 0);
	 * slice body (empty when it is in the file). The body has CRLF line ends and our Received: first.
	 */
	SUBMIT_MESSAGE = 7,
	/* queued -> smtpd: u8 result */
	SUBMIT_REPLY = 8,

	/*
	 * queued -> smtpd, request id 0: u8 whether the spool has space for new mail. Sent when that changes, and when a channel opens while it has
	 * none. A message that is submitted nevertheless is answered with SUBMIT_NO_SPACE.
	 */
	SUBMIT_SPACE = 9,
};

enum submit_result {
	SUBMIT_OK = 0,        /* durable; or, for a body, go on */
	SUBMIT_TEMPORARY = 1, /* try again later */
	SUBMIT_NO_SPACE = 2,  /* the disk is full or nearly so */
	SUBMIT_TOO_BIG = 3,   /* over message_size_limit */
};

#endif
