/*
 * Fetching: a small message whose size is known, read and made into a whole response to RETR with no more than three system calls. Anything else,
 * and whatever goes wrong here, is for RETR's reading step by step (verb_retr.c), which also finds out what is wrong.
 */
#ifndef ANGARIUM_POP3D_FETCH_H
#define ANGARIUM_POP3D_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "pop3d/multiline.h"

struct session;

enum {
	FETCH_SIZE_MAX = 32 * 1024, /* octets of such a message */
	RETRIEVE_LINE_SIZE = 64,    /* bytes of "+OK ... octets" */
};

/* Bytes of a response to RETR, for a message of LENGTH bytes or a piece of it. */
#define RETRIEVE_SIZE(length) (RETRIEVE_LINE_SIZE + (length) * MULTILINE_GROWTH + MULTILINE_END_SIZE)

struct fetched {
	uint32_t length; /* of the response, bytes */
	uint32_t read;   /* of the message's file, bytes */
};

/* Puts the first line of the response for MESSAGE, as TEXT, into OUT. Returns its length. */
size_t retrieve_begin(const struct session *session, uint32_t message, const struct multiline *text, char *out);
/* How much room the response for MESSAGE needs at most, bytes; 0 when it is not for fetching. */
size_t fetch_room(const struct session *session, uint32_t message);
/* Puts it into OUT, which has so much room. 0 or a negative errno value; -EINVAL: the message is not as long as its name says, or no message. */
int fetch(const struct session *session, uint32_t message, char *out, struct fetched *fetched_r);

#endif
