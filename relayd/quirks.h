/*
 * What hosts have shown not to do as they say, for some minutes: TLS that fails, CHUNKING that is none. So that it is not tried anew for each
 * message.
 */
#ifndef ANGARIUM_RELAYD_QUIRKS_H
#define ANGARIUM_RELAYD_QUIRKS_H

#include <stdint.h>

struct quirks;

enum quirk {
	QUIRK_TLS = 1,      /* its handshake failed */
	QUIRK_CHUNKING = 2, /* BDAT is offered and refused */
};

enum {
	QUIRKS_MAX = 4096,                 /* hosts; the oldest is forgotten */
	QUIRKS_TIME_MS = 10 * 60 * 1000,
};

/* NULL when out of memory. */
struct quirks *quirks_new(void);
/* Sets *quirks to NULL. */
void quirks_free(struct quirks **quirks);
/* HOST is a name, or an address as text. NOW is clock_monotonic_ms. Out of memory, nothing is remembered. */
void quirks_add(struct quirks *quirks, const char *host, enum quirk quirk, int64_t now);
/* Those of HOST, or'ed. */
unsigned quirks_of(struct quirks *quirks, const char *host, int64_t now);

#endif
