/*
 * A mail transaction (RFC 5321 3.3): what MAIL began, with its recipients and its message. It exists from MAIL
 * until the message is accepted or refused, or the client resets it; an idle session has none.
 */
#ifndef ANGARIUM_SMTPD_TRANSACTION_H
#define ANGARIUM_SMTPD_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "common/mail/envelope.h"
#include "smtpd/lookup.h"
#include "smtpd/may_send.h"
#include "smtpd/message.h"
#include "smtpd/reply.h"
#include "smtpd/submit.h"

struct session;

enum {
	/*
	 * Bytes of the addresses and ORCPTs of all recipients of a message. What is over it gets 452, so that
	 * envelope and body always fit into one frame; 1,000 recipients of the greatest length do.
	 */
	TRANSACTION_RECIPIENTS_MAX = SUBMIT_FRAME_MAX - SUBMIT_INLINE_MAX - 256 * 1024,
	/* Bytes that a recipient takes in the encoded envelope besides its texts; generously. */
	TRANSACTION_RECIPIENT_OVERHEAD = 16,
};

/*
 * A recipient: first a RCPT command that waits for its answer in the order of the commands, then one of the
 * envelope.
 */
struct recipient {
	STAILQ_ENTRY(recipient) next;
	RB_ENTRY(recipient) node;
	struct session *session;
	struct lookup lookup;
	enum reply reply;         /* REPLY_NONE while the lookup is under way */
	struct slice address;     /* into TEXT */
	struct slice orcpt;       /* into TEXT */
	uint8_t notify;
	char text[];
};

STAILQ_HEAD(recipient_list, recipient);
RB_HEAD(recipient_tree, recipient);

struct transaction {
	struct recipient_list pending;  /* commands not yet answered */
	struct recipient_list accepted; /* the envelope's recipients, in their order, none twice */
	struct recipient_tree index;    /* of ACCEPTED, by address */
	unsigned pending_count;
	uint32_t accepted_count;
	uint32_t refused_count;
	size_t recipient_bytes;         /* of pending and accepted ones; at most TRANSACTION_RECIPIENTS_MAX */
	bool limit_logged;
	uint8_t flags;                  /* enum envelope_flag */
	uint64_t announced_size;        /* SIZE=, bytes; 0: unknown */
	struct may_send may_send;       /* of the sender, and then of the From: field */
	size_t from_asked;              /* bytes of message.from that were asked about */
	struct message message;
	struct submit_job job;          /* in use once the message has begun and was not refused at once */
	char *sender;                   /* "": the null reverse-path */
	char *envid;                    /* or NULL */
};

/* NULL when out of memory. */
struct transaction *transaction_new(struct slice sender, struct slice envid, uint8_t flags, uint64_t announced_size);
/* The transaction must have no lookup and no job under way. Sets *transaction to NULL. */
void transaction_free(struct transaction **transaction);

/* Appends a pending recipient without a reply; NULL when out of memory. */
struct recipient *transaction_add(struct transaction *transaction, struct slice address, struct slice orcpt,
                                  uint8_t notify);
/* True when one of this size fits in. */
bool transaction_has_room(const struct transaction *transaction, size_t bytes);
/*
 * Takes the first pending recipient off its list: it becomes one of the envelope when its reply is
 * REPLY_RECIPIENT_OK and it is not there already, else it is freed. Returns the reply.
 */
enum reply transaction_settle(struct transaction *transaction);

/* Bytes that all transactions of this process have allocated, without the bodies, which are buffers. */
size_t transaction_memory(void);

/*
 * The envelope, with slices into the transaction. Free with envelope_free; 0 or -ENOMEM.
 */
int transaction_envelope(const struct transaction *transaction, struct envelope *envelope_r);

#endif
