/*
 * What the server can do, as CAPA lists it (RFC 2449 section 5): the same before and after login.
 */
#ifndef ANGARIUM_POP3D_CAPABILITY_H
#define ANGARIUM_POP3D_CAPABILITY_H

#include "common/base/slice.h"

/* The whole response. */
struct slice capability_response(void);

#endif
