/*
 * How many sessions each client address has at a time.
 */
#include "smtpd/peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 8 }; /* bytes */

struct peer {
	RB_ENTRY(peer) node;
	unsigned char key[KEY_SIZE];
	unsigned sessions;
};

static int
compare(struct peer *a, struct peer *b)
{
	return memcmp(a->key, b->key, KEY_SIZE);
}

RB_PROTOTYPE(peer_tree, peer, node, compare)
RB_GENERATE(peer_tree, peer, node, compare)

void
peers_init(struct peers *peers)
{
	RB_INIT(&peers->tree);
}

/* The first half of an IPv6 address; for IPv4 0, which no IPv6 client has there, and the address. */
static void
make_key(const struct sockaddr *address, unsigned char *key)
{
	memset(key, 0, KEY_SIZE);
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		memcpy(key + 4, &in->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			memcpy(key + 4, in6->sin6_addr.s6_addr + 12, 4);
		else
			memcpy(key, in6->sin6_addr.s6_addr, KEY_SIZE);
	}
}

int
peers_enter(struct peers *peers, const struct sockaddr *address, unsigned limit, struct peer **peer_r)
{
	struct peer key = { 0 };
	struct peer *peer;

	make_key(address, key.key);
	peer = RB_FIND(peer_tree, &peers->tree, &key);
	if (peer != NULL && limit != 0 && peer->sessions >= limit)
		return -EUSERS;
	if (peer == NULL) {
		peer = calloc(1, sizeof(*peer));
		if (peer == NULL)
			return -ENOMEM;
		memcpy(peer->key, key.key, KEY_SIZE);
		RB_INSERT(peer_tree, &peers->tree, peer);
	}
	peer->sessions++;
	*peer_r = peer;
	return 0;
}

void
peers_leave(struct peers *peers, struct peer *peer)
{
	if (--peer->sessions > 0)
		return;
	RB_REMOVE(peer_tree, &peers->tree, peer);
	free(peer);
}
