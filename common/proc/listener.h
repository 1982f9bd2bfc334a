/*
 * Accepting connections in a role process.
 */
#ifndef ANGARIUM_PROC_LISTENER_H
#define ANGARIUM_PROC_LISTENER_H

#include <sys/socket.h>

#include "common/proc/process.h"

struct listener;

/*
 * Calls ACCEPTED for every connection to the UNIX socket NAME ("tabled-smtpd") of a peer whose uid (SO_PEERCRED) is root, our own, or that of the
 * account which the service's description names for it; others are closed and logged. ACCEPTED owns CLIENT (non-blocking, close-on-exec). When
 * descriptors run out, accepting pauses for 100 ms instead of spinning. NULL when out of memory or when there is no such socket.
 */
struct listener *listener_new_unix(struct process *process, const char *name,
                                   void (*accepted)(void *context, int client), void *context);
/* The same for one that every local user may connect to: UID is who has. */
struct listener *listener_new_public(struct process *process, const char *name,
                                     void (*accepted)(void *context, int client, uid_t uid), void *context);
/* Stops accepting and frees. Sets *listener to NULL. */
void listener_free(struct listener **listener);

/* All TCP listeners of one name ("smtp"). Begins with zeros. */
struct listener_set {
	size_t count;
	struct listener *list[CONFIG_ENDPOINTS_MAX];
};

/*
 * Listens on what the process has been given under NAME, and no more on what was taken from it: at the start, and again after each reload. ACCEPTED is
 * called as above. A connection from proxy_networks must begin with a PROXY header (common/io/proxy.h); ADDRESS is then what that says. 0, or
 * -ENOMEM.
 */
int listener_set_update(struct listener_set *set, struct process *process, const char *name,
                        void (*accepted)(void *context, int client, const struct sockaddr *address, socklen_t length), void *context);
void listener_set_close(struct listener_set *set);

#endif
