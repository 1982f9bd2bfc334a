/*
 * Base64 (RFC 4648 section 4), as strict as that allows: no line ends, no foreign characters, exact padding, and no
 * bits left over, so that each text has one meaning and each meaning one text.
 */
#ifndef ANGARIUM_BASE_BASE64_H
#define ANGARIUM_BASE_BASE64_H

#include "common/base/slice.h"

/* Bytes of the text of LENGTH bytes, with its NUL. */
#define BASE64_SIZE(length) (((length) + 2) / 3 * 4 + 1)

/* Writes the text and a NUL into OUT (BASE64_SIZE(length) bytes). Returns its length. */
size_t base64_encode(const void *data, size_t length, char *out);
/* 0, -EINVAL when TEXT is no base64, or -EMSGSIZE when it stands for more than SIZE bytes. */
int base64_decode(struct slice text, void *out, size_t size, size_t *length_r);

#endif
