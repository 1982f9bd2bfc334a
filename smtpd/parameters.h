/*
 * The parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (6152, 3030), SMTPUTF8 (6531), RET, ENVID, NOTIFY and
 * ORCPT (3461).
 */
#ifndef ANGARIUM_SMTPD_PARAMETERS_H
#define ANGARIUM_SMTPD_PARAMETERS_H

#include <stdint.h>

#include "common/base/slice.h"
#include "common/mail/envelope.h"
#include "smtpd/reply.h"

struct mail_parameters {
	uint64_t size;  /* announced, bytes; 0: not */
	uint8_t flags;  /* enum envelope_flag */
	char envid[ENVELOPE_ENVID_MAX + 1];
};

struct rcpt_parameters {
	uint8_t notify; /* enum envelope_notify */
	char orcpt[ENVELOPE_ORCPT_MAX + 1];
};

enum parameters_result {
	PARAMETERS_OK,
	PARAMETERS_SYNTAX,    /* malformed, a bad value, or given twice (RFC 5321 4.1.1.11) */
	PARAMETERS_UNKNOWN,
	PARAMETERS_NOT_ASCII, /* bytes above 127 where SMTPUTF8 was not asked for, or not UTF-8 */
};

/* ARGUMENTS is what follows the path. */
enum parameters_result parameters_mail(struct slice arguments, struct mail_parameters *parameters_r);
/* UTF8: the transaction has SMTPUTF8. */
enum parameters_result parameters_rcpt(struct slice arguments, bool utf8, struct rcpt_parameters *parameters_r);
/* What is said of RESULT; REPLY_NONE when it is PARAMETERS_OK. */
enum reply parameters_refusal(enum parameters_result result);

#endif
