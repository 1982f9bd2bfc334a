/*
 * Reading ahead: most clients fetch all messages, each when the one before has come. While such a client takes in one response, the next
 * is made ready, so that it leaves as soon as it is asked for.
 */
#ifndef ANGARIUM_POP3D_AHEAD_H
#define ANGARIUM_POP3D_AHEAD_H

#include <stdint.h>

#include "pop3d/fetch.h"

struct session;
struct session_worker;

enum {
	AHEAD_SESSIONS_MAX = 256,       /* of one process that have a response ready: bounds the memory */
	AHEAD_SIZE_MAX = 32 * 1024,     /* bytes of a response */
};

/* A response to RETR that nobody has asked for yet. */
struct ahead {
	char *bytes; /* owned; NULL: none */
	uint32_t message;
	struct fetched fetched;
};

/* Prepares the worker. 0 or -ENOMEM. */
int ahead_prepare(struct session_worker *worker);
/* MESSAGE may be next: read it once what was written has left, unless another command comes first. */
void ahead_plan(struct session *session, uint32_t message);
/* A command came: nothing is read for the moment. */
void ahead_cancel(struct session *session);
/* The response for MESSAGE, when it is ready; NULL otherwise. It lives until the session plans again or ends. */
const struct ahead *ahead_find(const struct session *session, uint32_t message);
/* Cancels and frees. */
void ahead_free(struct session *session);

#endif
