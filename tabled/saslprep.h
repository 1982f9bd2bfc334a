/*
 * SASLprep (RFC 4013): passwords and logins that look the same are the same, however a keyboard or a program composed them. By libidn.
 */
#ifndef ANGARIUM_TABLED_SASLPREP_H
#define ANGARIUM_TABLED_SASLPREP_H

#include "common/base/slice.h"

/*
 * TEXT prepared, in MEMORY, or TEXT itself when it is ASCII or cannot be prepared: not UTF-8, a prohibited character, letters of both
 * directions, or nothing left of it. Such a text is compared as it is, as clients that prepare nothing send it. Characters that Unicode 3.2
 * had not assigned stay as they are (RFC 3454 7, "queries"): people have emoji in their passwords.
 */
struct slice saslprep(struct slice text, char *memory, size_t size);

#endif
