/*
 * What the files of the address parser share among themselves. Others use common/mail/address.h.
 */
#ifndef ANGARIUM_MAIL_ADDRESS_PARTS_H
#define ANGARIUM_MAIL_ADDRESS_PARTS_H

#include "common/mail/address.h"

/*
 * Checks the character at the beginning of TEXT: no control character, and beyond ASCII only when UTF8 is set and
 * it is valid UTF-8. *length_r is its length in bytes when the result is ADDRESS_OK.
 */
enum address_result address_check_character(struct slice text, bool utf8, size_t *length_r);

/*
 * Checks "[192.0.2.1]" or "[IPv6:2001:db8::1]" and writes it in its one canonical form to OUT.
 */
enum address_result address_literal_parse(struct slice literal, char *out, size_t size);

#endif
