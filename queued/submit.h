/*
 * Taking messages from smtpd (common/ipc/proto_submit.h).
 */
#ifndef ANGARIUM_QUEUED_SUBMIT_H
#define ANGARIUM_QUEUED_SUBMIT_H

#include <event2/event.h>

#include "common/mail/config.h"
#include "queued/schedule.h"
#include "queued/store.h"

struct submit;

struct submit_hooks {
	struct event_base *base;
	struct store *store;
	struct schedule *schedule;
	const struct config *(*config)(void *context);
	void *context;
};

/* NULL when out of memory. */
struct submit *submit_new(const struct submit_hooks *hooks);
/* Closes all channels. Messages under way are still stored. Sets *submit to NULL; it is freed with the last of those. */
void submit_close(struct submit **submit);
/* A worker has connected. Takes FD. */
void submit_accept(struct submit *submit, int fd);
/* Looks whether more than spool_reserve is free. While it is not, new mail is refused, and smtpd knows. */
void submit_look(struct submit *submit);

#endif
