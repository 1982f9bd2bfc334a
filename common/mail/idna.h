/*
 * Domain names beyond ASCII, as DNS knows them: A-labels (IDNA 2008, RFC 5890, 5891; UTS 46 maps capitals and the like). By libidn2.
 */
#ifndef ANGARIUM_MAIL_IDNA_H
#define ANGARIUM_MAIL_IDNA_H

#include "common/mail/address.h"

/*
 * DOMAIN, a name in UTF-8, in A-labels and lower case; one in ASCII and an address literal as they are. OUT has ADDRESS_DOMAIN_MAX + 1 bytes.
 * 0; -EINVAL when it is no domain name, or too long; -ENOMEM. OUT is then "".
 */
int idna_to_ascii(struct slice domain, char *out);

#endif
