/*
 * SASL (RFC 4422): the mechanisms that this suite offers, and the messages of those in which the client sends its
 * password. SCRAM is in scram.h.
 */
#ifndef ANGARIUM_MAIL_SASL_H
#define ANGARIUM_MAIL_SASL_H

#include <stdbool.h>

#include "common/base/slice.h"

enum sasl_mechanism {
	SASL_NONE,
	SASL_SCRAM_SHA_256_PLUS, /* RFC 7677, bound to the TLS channel (RFC 5802 6) */
	SASL_SCRAM_SHA_256,      /* RFC 7677 */
	SASL_PLAIN,              /* RFC 4616 */
	SASL_LOGIN,              /* draft-murchison-sasl-login: for programs that know nothing else */
	SASL_MECHANISMS,
};

enum {
	SASL_NAMES_SIZE = 64,    /* bytes of a list of all names, with its NUL */
	/*
	 * Bytes of a client's message as base64, without its line end: PLAIN with names and password of the greatest
	 * length. RFC 4954 4.5 asks for what the offered mechanisms can need.
	 */
	SASL_LINE_MAX = 3000,
	SASL_MESSAGE_MAX = SASL_LINE_MAX / 4 * 3, /* bytes of it, decoded */
};

/* What may be offered to one client. */
struct sasl_terms {
	bool plaintext; /* mechanisms that show the password, because nobody listens */
	bool binding;   /* there is a TLS channel to bind to */
};

/* The mechanism of that name (in any case), or SASL_NONE. */
enum sasl_mechanism sasl_find(struct slice name);
bool sasl_is_plaintext(enum sasl_mechanism mechanism);
bool sasl_allowed(enum sasl_mechanism mechanism, const struct sasl_terms *terms);
/* The names of all that is allowed, divided by blanks, the best first, into OUT (SASL_NAMES_SIZE bytes); "" for none. */
void sasl_names(const struct sasl_terms *terms, char *out);

/*
 * Takes the message of PLAIN apart: [authzid] NUL authcid NUL password. The slices point into MESSAGE. False when it is none, or
 * when the client wants to act for somebody else than it is (authzid), which nobody may here.
 */
bool sasl_plain(struct slice message, struct slice *login_r, struct slice *password_r);

#endif
