/*
 * What the server can do, as CAPA lists it (RFC 2449 section 5).
 */
#ifndef ANGARIUM_POP3D_CAPABILITY_H
#define ANGARIUM_POP3D_CAPABILITY_H

#include <stdbool.h>

#include "common/base/slice.h"

enum { CAPABILITY_SIZE = 512 }; /* bytes of the response, with a NUL */

/* What differs from one client to another, and before and after login. */
struct capability {
	bool user;        /* USER and PASS */
	bool stls;        /* RFC 2595 section 4 */
	const char *sasl; /* names of mechanisms (RFC 5034 section 6), or "" */
};

/* The whole response, in OUT (CAPABILITY_SIZE bytes). */
struct slice capability_response(const struct capability *capability, char *out);

#endif
