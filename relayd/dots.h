/*
 * The transparency of DATA (RFC 5321 4.5.2): a line that begins with a dot gets another one. Pure; nothing is copied.
 */
#ifndef ANGARIUM_RELAYD_DOTS_H
#define ANGARIUM_RELAYD_DOTS_H

#include <stdbool.h>

#include "common/base/slice.h"

/* All zero, but for LINE_START, at the beginning of a message. */
struct dots {
	bool line_start; /* the next byte begins a line */
	bool doubled;    /* and it is a dot of which one is out already */
	bool after_cr;   /* the last byte was a CR */
};

/* Takes the next run off *rest; all runs one after the other are the message as DATA has it. Empty when *rest is. */
struct slice dots_next(struct dots *dots, struct slice *rest);
/* What ends the message. */
struct slice dots_end(const struct dots *dots);

#endif
