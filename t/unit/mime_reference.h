/*
 * A second, naive reader of MIME messages, for tests of the converter: it looks at a whole message, and splits it
 * from the outside to the inside.
 */
#ifndef ANGARIUM_T_MIME_REFERENCE_H
#define ANGARIUM_T_MIME_REFERENCE_H

#include <stdbool.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

/*
 * Writes into OUT what a conversion must keep: the header sections but for Content-Transfer-Encoding and what a
 * conversion to 7bit adds, the decoded leaves, the text between parts, and how they contain each other.
 */
void reference_read(struct slice message, struct buffer *out);
/* True when CR and LF come only together, and there is no NUL. */
bool reference_is_lines(struct slice message);

#endif
