/*
 * The way of one job to a next hop: over a connection that is kept, or over the hosts of its destination in their order, until one takes
 * a transaction. States and the order of attempts: doc/relay.md.
 */
#ifndef ANGARIUM_RELAYD_TRANSFER_H
#define ANGARIUM_RELAYD_TRANSFER_H

#include <stdbool.h>

#include "relayd/relay.h"

struct transfer;

/* Begins; JOB is the transfer's until it is given to the relay's FINISHED. 0, or -ENOMEM (JOB is then still the caller's). */
int transfer_begin(struct relay *relay, struct job *job);
/* Its transaction is under way. */
bool transfer_is_sending(const struct transfer *transfer);
/* The next of the relay's list. */
struct transfer *transfer_next(const struct transfer *transfer);
/* Forgets the job, wherever it is. Sets *transfer to NULL. */
void transfer_cancel(struct transfer **transfer);

#endif
