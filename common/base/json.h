/*
 * Text of any origin as a JSON string (RFC 8259).
 */
#ifndef ANGARIUM_BASE_JSON_H
#define ANGARIUM_BASE_JSON_H

#include <stdio.h>

#include "common/base/slice.h"

/* With its quotes. What is no UTF-8 becomes U+FFFD. */
void json_string(FILE *out, struct slice text);

#endif
