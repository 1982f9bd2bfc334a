/*
 * MAIL and RCPT with their parameters. Pure. What stands in an envelope never ends a command's line.
 */
#ifndef ANGARIUM_RELAYD_COMMAND_H
#define ANGARIUM_RELAYD_COMMAND_H

#include "common/base/buffer.h"
#include "relayd/client.h"
#include "relayd/ehlo.h"

/* What MAIL declares of the message. */
struct command_declared {
	bool size;     /* SIZE=, of the transaction */
	bool eightbit; /* BODY=8BITMIME */
	bool smtputf8;
};

/* Can it stand in a command? The null reverse-path can, as a sender. */
bool command_address_fits(struct slice address);

/* Each appends one command. 0, -ENOMEM or -ENOBUFS. */
int command_mail(const struct client_transaction *transaction, const struct ehlo *ehlo, const struct command_declared *declared, struct buffer *out);
int command_rcpt(const struct client_recipient *recipient, const struct ehlo *ehlo, bool smtputf8, struct buffer *out);

#endif
