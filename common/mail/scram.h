/*
 * SCRAM-SHA-256, the server's side (RFC 5802, 7677): its messages, and the keys that a password is turned into.
 *
 *   client-first   n,,n=user,r=CLIENTNONCE                         scram_begin
 *   server-first   r=CLIENTNONCESERVERNONCE,s=SALT,i=4096          scram_challenge
 *   client-final   c=biws,r=CLIENTNONCESERVERNONCE,p=PROOF         scram_finish, then scram_proves
 *   server-final   v=SIGNATURE                                     scram_signature
 *
 * Passwords are taken as their bytes: names and passwords beyond ASCII should be in the form that SASLprep (RFC 4013) gives them,
 * as clients send it.
 */
#ifndef ANGARIUM_MAIL_SCRAM_H
#define ANGARIUM_MAIL_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"

enum scram_limits {
	SCRAM_KEY_SIZE = 32,          /* bytes of SHA-256 */
	SCRAM_SALT_SIZE = 16,         /* bytes of the salts that we make */
	SCRAM_SALT_MAX = 64,          /* bytes of those that we take */
	SCRAM_ITERATIONS = 10000,     /* of the keys that we make; RFC 7677 4 asks for at least 4096 */
	SCRAM_ITERATIONS_MIN = 4096,
	SCRAM_ITERATIONS_MAX = 1000000,
	SCRAM_NONCE_SIZE = 25,        /* bytes of our nonce, as text with its NUL */
	SCRAM_USER_MAX = 320,         /* bytes of a user's name */
	SCRAM_CLIENT_FIRST_MAX = 1024, /* bytes */
	SCRAM_CLIENT_FINAL_MAX = 2048,
	SCRAM_SERVER_FIRST_MAX = 1280, /* bytes with the NUL */
	SCRAM_SERVER_FINAL_SIZE = 48,  /* bytes with the NUL */
	SCRAM_BINDING_MAX = 64,       /* bytes of what identifies a TLS channel */
	SCRAM_HEADER_MAX = 400,       /* bytes of the gs2-header */
	SCRAM_BOUND_SIZE = 640,       /* bytes of a gs2-header and a binding in base64, with the NUL */
};

/* What is kept instead of a password. */
struct scram_keys {
	unsigned char stored[SCRAM_KEY_SIZE];
	unsigned char server[SCRAM_KEY_SIZE];
};

/* What identifies the TLS channel that the client came by; empty slices where there is none. */
struct scram_channel {
	struct slice exporter;  /* tls-exporter (RFC 9266) */
	struct slice end_point; /* tls-server-end-point (RFC 5929 4) */
};

/* One exchange. */
struct scram {
	size_t user_length;
	char user[SCRAM_USER_MAX];             /* as the client calls itself, decoded */
	size_t first_length;
	char first[SCRAM_CLIENT_FIRST_MAX];    /* client-first-message-bare */
	size_t nonce_offset;                   /* of the client's nonce in FIRST */
	size_t nonce_length;
	char challenge[SCRAM_SERVER_FIRST_MAX];
	char bound[SCRAM_BOUND_SIZE];          /* what the client must send as "c=" */
	unsigned char proof[SCRAM_KEY_SIZE];
	size_t final_length;
	char final[SCRAM_CLIENT_FINAL_MAX];    /* client-final-message-without-proof */
};

/* Turns a password into keys (RFC 5802 3); some milliseconds. 0 or -EINVAL (iterations out of range, salt empty or too long). */
int scram_derive(struct slice password, struct slice salt, uint32_t iterations, struct scram_keys *keys_r);

/*
 * Takes the client-first message. PLUS: the mechanism is the one with channel binding. 0, -EINVAL when it is malformed, or -EACCES
 * when what it says of channel binding contradicts what was offered (RFC 5802 6: somebody has meddled).
 */
int scram_begin(struct scram *scram, struct slice message, bool plus, const struct scram_channel *channel);

static inline struct slice
scram_user(const struct scram *scram)
{
	return slice_of(scram->user, scram->user_length);
}

/* Makes a nonce of our own into OUT (SCRAM_NONCE_SIZE bytes). */
void scram_nonce(char *out);
/* Makes the server-first message, which lives as long as SCRAM; empty when it would be too long. */
struct slice scram_challenge(struct scram *scram, const char *nonce, struct slice salt, uint32_t iterations);
/* Takes the client-final message. 0, -EINVAL (malformed), or -EACCES (another channel, or another nonce). */
int scram_finish(struct scram *scram, struct slice message);
/* After scram_finish: whether the client knows the password that KEYS were made from. */
bool scram_proves(const struct scram *scram, const struct scram_keys *keys);
/* The server-final message, which proves that we know KEYS, into OUT (SCRAM_SERVER_FINAL_SIZE bytes). */
void scram_signature(const struct scram *scram, const struct scram_keys *keys, char *out);

#endif
