/*
 * Submitting a message to smtpd by SMTP, over its UNIX socket (RUN/submit.sock). Blocking.
 */
#ifndef ANGARIUM_SENDMAIL_SUBMIT_H
#define ANGARIUM_SENDMAIL_SUBMIT_H

#include "common/mail/config.h"
#include "sendmail/message.h"
#include "sendmail/options.h"

struct submission {
	const struct config *config;
	const struct sendmail_options *options;
	const char *sender;               /* "" is the null reverse-path */
	const struct recipients *recipients;
	struct slice content;
	bool eight_bit;
};

/*
 * Submits, and tries again for half a minute while smtpd does not answer or has a temporary problem. Says on standard error what was refused. A
 * sysexits(3) code: EX_OK, EX_NOUSER (some recipient is unknown; the others get it), EX_DATAERR, EX_UNAVAILABLE (refused), EX_TEMPFAIL.
 */
int submit(const struct submission *submission);

/* A connected socket, for which it waits for a while, or a negative errno value. */
int submit_connect_patiently(const struct config *config);

#endif
