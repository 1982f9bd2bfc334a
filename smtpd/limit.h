/*
 * The limits of clients (common/io/limits.h) as SMTP sees them: which directives they are, and what is refused by them.
 */
#ifndef ANGARIUM_SMTPD_LIMIT_H
#define ANGARIUM_SMTPD_LIMIT_H

#include "common/io/limits.h"
#include "common/mail/config.h"
#include "smtpd/reply.h"

struct session;

/* The rules that CONFIG makes. */
void limit_rules(const struct config *config, struct limits_rules *rules_r);
/* True when no rate of one address holds for ADDRESS. */
bool limit_exempts(const struct config *config, const struct sockaddr *address);
/* The directive behind a refusal of KIND, for the log. */
const char *limit_name(enum limits_result result, enum limits_kind kind);

/* One message, or one recipient, more of this session's client: REPLY_NONE, or why not. */
enum reply limit_message(struct session *session);
enum reply limit_recipient(struct session *session);
/*
 * Is there memory for something new: a message, a recipient, a body? And for more of what is under way? REPLY_NONE, or why not. The last quarter
 * of smtp_memory is kept for what is under way, so that it can be finished.
 */
enum reply limit_memory_new(struct session *session);
enum reply limit_memory_more(struct session *session);
/* The client has made a mistake, or named a recipient that there is not. False when it has made too many. */
bool limit_error(struct session *session);

#endif
