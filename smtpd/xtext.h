/*
 * xtext (RFC 3461 4): printable characters, others as "+" and two upper-case hexadecimal digits.
 */
#ifndef ANGARIUM_SMTPD_XTEXT_H
#define ANGARIUM_SMTPD_XTEXT_H

#include <stddef.h>

#include "common/base/slice.h"

/*
 * Decodes IN to OUT as a C string. 0; -EINVAL: not xtext, or it stands for a character that is not printable
 * (RFC 3461 4.2 and 4.4 allow none, and none must get into a report); -ENAMETOOLONG: OUT (SIZE bytes) is too
 * small. OUT is "" then. Bytes above 127 are kept.
 */
int xtext_decode(struct slice in, char *out, size_t size);

#endif
