/*
 * How many sessions each client address has at a time. IPv6 clients count by their /64, since one host usually
 * has all of it.
 */
#ifndef ANGARIUM_SMTPD_PEERS_H
#define ANGARIUM_SMTPD_PEERS_H

#include <sys/socket.h>
#include <sys/tree.h>

struct peer;
RB_HEAD(peer_tree, peer);

struct peers {
	struct peer_tree tree; /* peers with at least one session */
};

void peers_init(struct peers *peers);
/*
 * One session more from ADDRESS: 0, -EUSERS when it has LIMIT already (0: no limit), or -ENOMEM. *peer_r is for
 * peers_leave.
 */
int peers_enter(struct peers *peers, const struct sockaddr *address, unsigned limit, struct peer **peer_r);
void peers_leave(struct peers *peers, struct peer *peer);

#endif
