/*
 * Destinations and the connections to them: a connection whose transaction is over is kept for the next job of the same destination.
 *
 * A destination is there while a job or a connection belongs to it.
 */
#ifndef ANGARIUM_RELAYD_DESTINATION_H
#define ANGARIUM_RELAYD_DESTINATION_H

#include <stddef.h>
#include <sys/queue.h>
#include <sys/tree.h>


TAILQ_HEAD(session_list, session);

struct destination {
	RB_ENTRY(destination) node;
	struct session_list idle; /* the one used last first */
	unsigned users;           /* jobs and connections */
	unsigned open;            /* connections that are ready, idle or not */
	char key[];
};

RB_HEAD(destination_tree, destination);

/* The destination of KEY (job_key), with one user more. NULL when out of memory. */
struct destination *destination_take(struct destination_tree *tree, const char *key);
/* One user less. Sets *destination to NULL. */
void destination_drop(struct destination_tree *tree, struct destination **destination);

#endif
