/*
 * What the statements in the log say of messages, put into the index: for recovery.
 */
#ifndef ANGARIUM_QUEUED_STATEMENT_H
#define ANGARIUM_QUEUED_STATEMENT_H

#include "queued/message.h"

struct store;

/*
 * Applies a record that stands at PLACE. Records come in the order of their sequence numbers; statements about a message may come before its
 * MESSAGE. 0, -ENOMEM, or another negative errno value when the record is not understood.
 */
int statement_apply(struct store *store, const struct place *place, const struct record_header *header, struct slice payload);

#endif
