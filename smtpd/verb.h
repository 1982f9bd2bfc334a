/*
 * The verbs: one function each, called when the verb is allowed in the session's state and its arguments fit
 * its rule. Each answers, now or later.
 */
#ifndef ANGARIUM_SMTPD_VERB_H
#define ANGARIUM_SMTPD_VERB_H

#include <stdbool.h>

#include "common/base/slice.h"

struct session;

typedef void verb_function(struct session *session, struct slice arguments);

verb_function verb_ehlo;
verb_function verb_helo;
verb_function verb_auth;
verb_function verb_mail;
verb_function verb_rcpt;
verb_function verb_data;
verb_function verb_bdat;
verb_function verb_starttls;
verb_function verb_rset;
verb_function verb_noop;
verb_function verb_help;
verb_function verb_vrfy;
verb_function verb_expn;
verb_function verb_quit;
verb_function verb_not_implemented;

/* How many RCPT commands of a session are being looked up at once. */
enum { VERB_RCPT_WINDOW = 64 };

#endif
