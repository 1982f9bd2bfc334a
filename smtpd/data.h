/*
 * The framing of DATA (RFC 5321 4.1.1.4, 4.5.2): finds the end, CRLF "." CRLF, and takes away the dots that
 * were stuffed.
 *
 * Incremental and pure: input may be cut anywhere. Only CRLF begins a new line here. Whether the lines are
 * sound is another question: see text.h.
 */
#ifndef ANGARIUM_SMTPD_DATA_H
#define ANGARIUM_SMTPD_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

enum data_state {
	DATA_LINE_START, /* after CRLF, and at the beginning */
	DATA_TEXT,
	DATA_CR,         /* after a CR in the text */
	DATA_DOT,        /* after "." at a line's start */
	DATA_DOT_CR,
	DATA_END,
};

struct data {
	enum data_state state;
};

void data_begin(struct data *data);
/*
 * Decodes a piece. Returns how many bytes of INPUT are done with, and in *piece_r what they stand for: a slice
 * of INPUT or a constant, possibly empty. Call again with the rest until it is used up or data_ended; each call
 * but the last makes progress.
 */
size_t data_decode(struct data *data, struct slice input, struct slice *piece_r);

static inline bool
data_ended(const struct data *data)
{
	return data->state == DATA_END;
}

#endif
