/*
 * Text of any origin for a terminal.
 */
#ifndef ANGARIUM_BASE_PLAIN_H
#define ANGARIUM_BASE_PLAIN_H

#include <stdio.h>

#include "common/base/slice.h"

/* Control characters, also those of C1, and what is no UTF-8 become "?": none is obeyed. */
void plain_string(FILE *out, struct slice text);
/* The same with tabs and line ends as they are, but for CRs, which are left out. */
void plain_lines(FILE *out, struct slice text);

#endif
