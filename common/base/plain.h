/*
 * Text of any origin for a terminal.
 */
#ifndef ANGARIUM_BASE_PLAIN_H
#define ANGARIUM_BASE_PLAIN_H

#include <stdio.h>

#include "common/base/slice.h"

/* Control characters become "?": none is obeyed. */
void plain_string(FILE *out, struct slice text);

#endif
