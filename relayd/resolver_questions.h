/*
 * The questions of the resolver: each is one finding with its lookups, for everybody who asked the same while it was under way.
 */
#ifndef ANGARIUM_RELAYD_RESOLVER_QUESTIONS_H
#define ANGARIUM_RELAYD_RESOLVER_QUESTIONS_H

#include <event2/event.h>
#include <sys/queue.h>

#include "common/ipc/wire.h"
#include "relayd/finding.h"

struct lookups;
struct question;
struct questions;

/* Somebody who waits for an answer; the memory is the caller's. */
struct asker {
	TAILQ_ENTRY(asker) next;
	struct question *question;
	/*
	 * The answer: finding_put_answer puts it. Called once, never inside questions_ask; ASKER is not used any more. May ask and forget others.
	 */
	void (*answered)(struct asker *asker, struct finding *finding);
};

/* LOOKUPS is the place of a pointer that may change. NULL when out of memory. */
struct questions *questions_new(struct event_base *base, struct lookups *const *lookups);
/* HOSTNAME is our own at present. ASKER has its callback set. 0 or -ENOMEM. */
int questions_ask(struct questions *questions, const struct finding_question *question, const char *hostname, struct asker *asker);
/* ASKER, which waits, is not answered any more. */
void questions_forget(struct asker *asker);

#endif
