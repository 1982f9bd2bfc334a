/*
 * Queue ids: 64 bits, shown as 13 characters of Crockford's base 32, in order of arrival.
 */
#ifndef ANGARIUM_MAIL_QUEUEID_H
#define ANGARIUM_MAIL_QUEUEID_H

#include <stdint.h>

#include "common/base/slice.h"

enum { QUEUEID_SIZE = 14 }; /* bytes with the NUL */

void queueid_format(uint64_t id, char *out);
/* 0 or -EINVAL. Either case. */
int queueid_parse(struct slice text, uint64_t *id_r);

#endif
