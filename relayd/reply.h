/*
 * Replies of a server (RFC 5321 4.2), line by line. Pure and bounded: what comes in is hostile.
 */
#ifndef ANGARIUM_RELAYD_REPLY_H
#define ANGARIUM_RELAYD_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"
#include "common/ipc/proto_jobs.h"
#include "common/ipc/proto_relay.h"

enum {
	REPLY_LINE_MAX = 4096,       /* bytes of a line with its end; RFC 5321 4.5.3.1.5 knows 512 */
	REPLY_LINES_MAX = 256,       /* of one reply */
	REPLY_BYTES_MAX = 64 * 1024, /* of one reply */
	REPLY_STATUS_SIZE = 12,      /* bytes of an enhanced status code, "5.123.123", with its NUL */
};

/* All zero at the beginning of each reply. */
struct reply {
	unsigned code;  /* 200 to 599 */
	unsigned lines; /* so far */
	size_t bytes;   /* so far */
	size_t length;  /* of the text */
	char status[REPLY_STATUS_SIZE]; /* that the first line begins with, if it is of the code's class; otherwise "" */
	char text[JOBS_TEXT_MAX]; /* code and words on one line, printable UTF-8, cut off when it is long */
};

enum reply_step {
	REPLY_INCOMPLETE, /* there is no whole line yet */
	REPLY_MORE,       /* a line of several */
	REPLY_WHOLE,      /* the last line */
	REPLY_MALFORMED,  /* no reply, or lines that contradict each other */
	REPLY_ENDLESS,    /* over one of the limits */
};

/*
 * Takes the first line of INPUT: *used_r is its length with its end, 0 without one, and *words_r what stands behind the code, in
 * INPUT. A line ends with CRLF, or, for the sake
 * of peace, with LF.
 */
enum reply_step reply_take(struct reply *reply, struct slice input, size_t *used_r, struct slice *words_r);

/* The enhanced status code, or else one made from the code ("5.0.0"), into OUT. */
void reply_status(const struct reply *reply, char out[REPLY_STATUS_SIZE]);

#endif
