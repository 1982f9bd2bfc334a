/*
 * Connects to the first of a host's addresses that answers (RFC 8305 5): each next one is tried when the one before has failed, or 250
 * ms after it was begun while it still tries. So a family that leads nowhere costs a quarter of a second.
 */
#ifndef ANGARIUM_RELAYD_CONNECTOR_H
#define ANGARIUM_RELAYD_CONNECTOR_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	CONNECTOR_NEXT_MS = 250,
	CONNECTOR_AT_ONCE = 4, /* addresses that are tried at the same time */
};

struct connector_address {
	struct sockaddr_storage address;
	socklen_t length;
};

struct connector;

/*
 * FD is connected (non-blocking, close-on-exec) to address INDEX, and the callee's; or a negative errno value, with the INDEX of the address that failed
 * last. The connector is gone.
 */
typedef void connector_done(void *context, int fd, size_t index);

/*
 * ADDRESSES (at least one) must stay until the end. Each may take TIMEOUT_MS. DONE is called exactly once, unless it is cancelled, and never inside of this call. NULL
 * when out of memory.
 */
struct connector *connector_new(struct event_base *base, const struct connector_address *addresses, size_t count,
                                uint32_t timeout_ms, connector_done *done, void *context);
/* Sets *connector to NULL. */
void connector_cancel(struct connector **connector);

#endif
