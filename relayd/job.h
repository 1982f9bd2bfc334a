/*
 * A job: one message for up to RELAY_TARGETS_MAX recipients of one destination, as queued gave it (common/ipc/proto_relay.h), and what
 * came of it.
 */
#ifndef ANGARIUM_RELAYD_JOB_H
#define ANGARIUM_RELAYD_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/ipc/jobs.h"
#include "common/ipc/proto_relay.h"
#include "common/ipc/wire.h"
#include "common/mail/address.h"
#include "common/mail/route.h"
#include "relayd/client.h"

enum {
	JOB_REMOTE_MAX = 384,  /* bytes of "host [address]:port" with its NUL */
	JOB_KEY_MAX = ROUTE_TEXT_MAX + ADDRESS_DOMAIN_MAX + ROUTE_LOGIN_MAX + 8,
};

/* All slices point into the job. */
struct job {
	struct jobs_ticket ticket;
	uint64_t id;
	int64_t arrival;     /* seconds since 1970 */
	char domain[ADDRESS_DOMAIN_MAX + 1]; /* of the targets, in A-labels; for the log and for MX */
	struct route route;
	bool backup;         /* only to better MX hosts than we are */
	struct client_transaction transaction; /* envelope and body; a descriptor in it is the job's */
	size_t memory;       /* bytes that the job takes */

	enum relay_destination destination;
	bool dsn;            /* the remote has taken DSN's parameters upon itself */
	char remote[JOB_REMOTE_MAX]; /* the last host that was reached, or "" */
	struct client_recipient recipients[]; /* the transaction's */
};

/*
 * Decodes the fields of JOBS_JOB (FD -1), or of JOBS_JOB_FILE with its descriptor, which the job then owns. 0, -EPROTO (malformed,
 * a control byte, a file that is none) or -ENOMEM; the descriptor is not taken on errors.
 */
int job_decode(struct wire_reader *body, int fd, struct job **job_r);

/* The same came of all recipients. */
void job_decide(struct job *job, const struct client_result *result);

/* Puts the fields of JOBS_REPLY. Every recipient has its result. */
void job_put_reply(const struct job *job, struct wire_writer *writer);

/* One line in the log for each result that differs. TLS is what is said of it: "none", "TLSv1.3", "TLSv1.3/dane". */
void job_log(const struct job *job, const char *tls);

/*
 * Names the destination that connections are kept for: domain and route, so that a host that a route leads to is one destination for all domains.
 * OUT has JOB_KEY_MAX bytes. Returns OUT.
 */
const char *job_key(const struct job *job, char *out);

/* Frees the job and closes its descriptor. Sets *job to NULL. */
void job_free(struct job **job);

#endif
