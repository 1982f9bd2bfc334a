/*
 * Are the lines of a message sound? RFC 5321 2.3.8: CR and LF only together; 4.5.2 and RFC 5322 2.2: no NUL.
 *
 * A message with a bare CR or LF must not be passed on: a server that takes it for a line's end would see
 * another message ("SMTP smuggling"). Incremental and pure.
 *
 * There is no limit to the length of a line but that of the message. RFC 5321 4.5.3.1.6 has 1,000 bytes and
 * asks servers to take more; Postfix and others take lines of any length, and breaking one would break
 * signatures and attachments. No line is ever held here.
 */
#ifndef ANGARIUM_SMTPD_TEXT_H
#define ANGARIUM_SMTPD_TEXT_H

#include <stdbool.h>

#include "common/base/slice.h"

enum text_fault {
	TEXT_BARE_CR = 1,
	TEXT_BARE_LF = 2,
	TEXT_NUL = 4,
};

struct text {
	unsigned faults;  /* enum text_fault */
	bool eight_bit;   /* a byte above 127 was there: no fault, but the next hop must know */
	bool after_cr;
	bool in_line;     /* the last line has not ended */
};

void text_begin(struct text *text);
void text_check(struct text *text, struct slice piece);
/* No more pieces will come. */
void text_end(struct text *text);

#endif
