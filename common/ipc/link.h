/*
 * A link: the client's side of a channel that is asked for by name, numbered requests, and reconnection.
 *
 * The link asks the parent for the channel (common/proc/process.h), asks again when it breaks (0, 50 ms, doubling
 * up to 1 s), and answers every request that was in flight with -ECONNRESET. Requests made while there is no
 * channel fail at once with -ENOTCONN: the caller gives its own client a temporary failure.
 */
#ifndef ANGARIUM_IPC_LINK_H
#define ANGARIUM_IPC_LINK_H

#include "common/ipc/channel.h"

struct link;
struct process;

/*
 * The answer to one request. STATUS is 0 (then FRAME is the reply, and all of its fields must be read; returning a
 * negative value breaks the channel), -ECONNRESET (channel lost), or -ETIMEDOUT; FRAME is then NULL.
 */
typedef int link_reply(void *context, int status, struct channel_frame *frame);

struct link_protocol {
	const char *channel;     /* name of the channel, such as "tabled-smtpd" */
	uint32_t timeout_ms;     /* for each request; 0: none */
	size_t input_limit;      /* bytes, largest payload accepted */
	size_t output_limit;     /* bytes */
	bool secret;             /* requests or answers hold passwords: what was sent and received is wiped from memory */
	const struct channel_handler *handlers; /* frames that are no replies (request id 0); may be NULL */
	size_t handler_count;
	/* Optional. The channel is there (again); the place to send a greeting. */
	void (*up)(struct link *link, void *context);
	/* Optional. The channel is gone; comes after the requests in flight were answered. */
	void (*down)(struct link *link, void *context);
};

/* PROTOCOL must outlive the link. NULL when out of memory. */
struct link *link_new(struct process *process, const struct link_protocol *protocol, void *context);
/* Answers what is in flight with -ECONNRESET, closes and frees. Sets *link to NULL. */
void link_free(struct link **link);
bool link_is_up(const struct link *link);
/*
 * Gives the channel up, as if it had broken: for a service whose answer could not be sent, and whose peer would wait for it for ever.
 */
void link_break(struct link *link);
/* The live channel, or NULL. For frames that are no requests. Never keep it. */
struct channel *link_channel(struct link *link);

/*
 * Begins a request; put fields, then link_send. The type's reply is any frame with the same request id.
 */
struct wire_writer link_begin(struct link *link, uint16_t type, int fd);
/*
 * Sends. 0: REPLY will be called exactly once, never before link_send returns. Negative (-ENOTCONN, -ENOBUFS, -ENOMEM): REPLY is
 * not called. *request_r, when REQUEST_R is not NULL, can be given to link_cancel.
 */
int link_send(struct link *link, struct wire_writer *writer, link_reply *reply, void *context, uint32_t *request_r);
/* The reply will not be delivered (its caller has gone). Unknown ids are ignored. */
void link_cancel(struct link *link, uint32_t request);

#endif
