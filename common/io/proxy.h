/*
 * The PROXY protocol, version 2 (haproxy.org, "The PROXY protocol", 2.2): a header before the first byte of a connection, by which a load
 * balancer says whose connection it is. Version 1, a line of text, is not understood.
 */
#ifndef ANGARIUM_IO_PROXY_H
#define ANGARIUM_IO_PROXY_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/base/slice.h"

enum {
	PROXY_HEADER_SIZE = 16, /* bytes before the addresses */
	PROXY_MAX = 2048,       /* bytes of a header with its addresses and additions (TLVs); the protocol's own fit into 536 */
};

struct proxy_header {
	size_t size;                    /* bytes of all of it */
	bool local;                     /* the balancer's own connection (a health check): ADDRESS is not set */
	struct sockaddr_storage client; /* IPv4 or IPv6 */
	socklen_t length;
};

/*
 * Reads the header at the beginning of INPUT. Returns 0 when it is whole; how many bytes are missing at least, when it is sound so far;
 * -EPROTO when it is none, or of something else than TCP over IP; -EMSGSIZE when it is longer than PROXY_MAX. Additions are skipped.
 */
int proxy_parse(struct slice input, struct proxy_header *header_r);

/*
 * Connections whose header has not come yet. Each is read up to the header's end and no further.
 */
TAILQ_HEAD(proxy_wait_list, proxy_wait);

struct proxy {
	struct event_base *base;
	struct proxy_wait_list waiting;
	unsigned count;
	/*
	 * The header of CLIENT, which is then owned by the callee, has come. ADDRESS is the client's own, or the balancer's for a local one.
	 */
	void (*ready)(void *context, int client, const struct sockaddr *address, socklen_t length);
	/* No good header came: ERROR is -ETIMEDOUT, -EPROTO, -EMSGSIZE, -ECONNRESET or another. The socket is closed. ADDRESS is the balancer's. */
	void (*failed)(void *context, const struct sockaddr *address, int error);
};

void proxy_init(struct proxy *proxy, struct event_base *base);
/* Closes all that wait. */
void proxy_free(struct proxy *proxy);
/*
 * Takes CLIENT, just accepted from ADDRESS, and calls back with CONTEXT within MILLISECONDS, never at once. 0, or -ENOMEM: it is closed.
 */
int proxy_accept(struct proxy *proxy, int client, const struct sockaddr *address, socklen_t length, uint32_t milliseconds, void *context);

#endif
