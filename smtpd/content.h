/*
 * The content of a message in a session: from the 354 or the first BDAT until the queue has it.
 */
#ifndef ANGARIUM_SMTPD_CONTENT_H
#define ANGARIUM_SMTPD_CONTENT_H

#include <stddef.h>

#include "common/base/slice.h"
#include "smtpd/reply.h"

struct session;

/*
 * Begins the message of the session's transaction. REPLY_NONE, or why it cannot be: the message is then
 * refused.
 */
enum reply content_begin(struct session *session);
/* Each takes what INPUT holds of the content, in its mode; returns how many bytes. */
size_t content_take_data(struct session *session, struct slice input);
size_t content_take_chunk(struct session *session, struct slice input);
/* The chunk is here, all of it: answers it. */
void content_end_chunk(struct session *session);
/* Answers the end of the message, and ends the transaction. REPLY_NONE: the queue has the message. */
void content_end(struct session *session, enum reply refusal);

#endif
