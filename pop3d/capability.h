/*
 * What the server can do, as CAPA lists it (RFC 2449 section 5): the same before and after login, but
 * for STLS.
 */
#ifndef ANGARIUM_POP3D_CAPABILITY_H
#define ANGARIUM_POP3D_CAPABILITY_H

#include <stdbool.h>

#include "common/base/slice.h"

/* The whole response, with STLS (RFC 2595 section 4) or without. */
struct slice capability_response(bool stls);

#endif
