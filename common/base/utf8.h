/*
 * UTF-8 (RFC 3629), checked: no overlong form, no surrogate, nothing above U+10FFFF.
 */
#ifndef ANGARIUM_BASE_UTF8_H
#define ANGARIUM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

/*
 * Length in bytes (1 to 4) of the character at the beginning of S; 0 when S is empty or begins with no valid
 * character.
 */
size_t utf8_character(struct slice s);
/* True when CHARACTER, a valid one, steers no terminal: it is no control character of ASCII, and none of U+0080 to U+009F. */
bool utf8_is_printable(struct slice character);
/* True when all of S is valid; the empty slice is. */
bool utf8_valid(struct slice s);

#endif
