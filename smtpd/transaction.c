/*
 * A mail transaction.
 */
#include "smtpd/transaction.h"

#include <errno.h>
#include <stdlib.h>

/* By length first: it decides most comparisons without looking at the text. */
static int
compare(struct recipient *a, struct recipient *b)
{
	if (a->address.length != b->address.length)
		return a->address.length < b->address.length ? -1 : 1;
	return memcmp(a->address.data, b->address.data, a->address.length);
}

/* Bytes of all transactions and recipients. */
static size_t allocated;

size_t
transaction_memory(void)
{
	return allocated;
}

RB_PROTOTYPE(recipient_tree, recipient, node, compare)
RB_GENERATE(recipient_tree, recipient, node, compare)

struct transaction *
transaction_new(struct slice sender, struct slice envid, uint8_t flags, uint64_t announced_size)
{
	struct transaction *transaction = calloc(1, sizeof(*transaction));

	if (transaction == NULL)
		return NULL;
	allocated += sizeof(*transaction);
	STAILQ_INIT(&transaction->pending);
	STAILQ_INIT(&transaction->accepted);
	RB_INIT(&transaction->index);
	message_init(&transaction->message);
	transaction->flags = flags;
	transaction->announced_size = announced_size;
	transaction->sender = slice_dup(sender);
	transaction->envid = envid.length == 0 ? NULL : slice_dup(envid);
	if (transaction->sender == NULL || (envid.length > 0 && transaction->envid == NULL))
		transaction_free(&transaction);
	return transaction;
}

static size_t
recipient_size(size_t address, size_t orcpt)
{
	return sizeof(struct recipient) + address + orcpt;
}

static void
recipient_free(struct recipient *recipient)
{
	allocated -= recipient_size(recipient->address.length, recipient->orcpt.length);
	free(recipient);
}

static void
free_list(struct recipient_list *list)
{
	struct recipient *recipient;

	while ((recipient = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		recipient_free(recipient);
	}
}

void
transaction_free(struct transaction **transaction)
{
	if (*transaction == NULL)
		return;
	free_list(&(*transaction)->pending);
	free_list(&(*transaction)->accepted);
	message_end(&(*transaction)->message);
	free((*transaction)->sender);
	free((*transaction)->envid);
	free(*transaction);
	allocated -= sizeof(**transaction);
	*transaction = NULL;
}

static size_t
recipient_bytes(const struct recipient *recipient)
{
	return recipient->address.length + recipient->orcpt.length + TRANSACTION_RECIPIENT_OVERHEAD;
}

bool
transaction_has_room(const struct transaction *transaction, size_t bytes)
{
	return transaction->recipient_bytes + bytes + TRANSACTION_RECIPIENT_OVERHEAD <= TRANSACTION_RECIPIENTS_MAX;
}

struct recipient *
transaction_add(struct transaction *transaction, struct slice address, struct slice orcpt, uint8_t notify)
{
	struct recipient *recipient = calloc(1, recipient_size(address.length, orcpt.length));

	if (recipient == NULL)
		return NULL;
	allocated += recipient_size(address.length, orcpt.length);
	if (address.length > 0)
		memcpy(recipient->text, address.data, address.length);
	if (orcpt.length > 0)
		memcpy(recipient->text + address.length, orcpt.data, orcpt.length);
	recipient->address = slice_of(recipient->text, address.length);
	recipient->orcpt = slice_of(recipient->text + address.length, orcpt.length);
	recipient->notify = notify;
	STAILQ_INSERT_TAIL(&transaction->pending, recipient, next);
	transaction->pending_count++;
	transaction->recipient_bytes += recipient_bytes(recipient);
	return recipient;
}

enum reply
transaction_settle(struct transaction *transaction)
{
	struct recipient *recipient = STAILQ_FIRST(&transaction->pending);
	enum reply reply = recipient->reply;

	STAILQ_REMOVE_HEAD(&transaction->pending, next);
	transaction->pending_count--;
	if (reply == REPLY_RECIPIENT_OK && RB_INSERT(recipient_tree, &transaction->index, recipient) == NULL) {
		STAILQ_INSERT_TAIL(&transaction->accepted, recipient, next);
		transaction->accepted_count++;
		return reply;
	}
	transaction->recipient_bytes -= recipient_bytes(recipient);
	recipient_free(recipient);
	return reply;
}

int
transaction_envelope(const struct transaction *transaction, struct envelope *envelope_r)
{
	struct envelope_recipient *out;
	const struct recipient *recipient;

	*envelope_r = (struct envelope){
		.sender = slice_from_string(transaction->sender),
		.envid = slice_from_string(transaction->envid),
		.flags = transaction->flags,
		.recipient_count = transaction->accepted_count,
		.recipients = calloc(transaction->accepted_count, sizeof(*envelope_r->recipients)),
	};
	if (envelope_r->recipients == NULL)
		return -ENOMEM;
	out = envelope_r->recipients;
	STAILQ_FOREACH(recipient, &transaction->accepted, next) {
		out->address = recipient->address;
		out->orcpt = recipient->orcpt;
		out->notify = recipient->notify;
		out++;
	}
	return 0;
}
