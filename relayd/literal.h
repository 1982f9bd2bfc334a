/*
 * Hosts that are named by an address instead of a name.
 */
#ifndef ANGARIUM_RELAYD_LITERAL_H
#define ANGARIUM_RELAYD_LITERAL_H

#include <stdbool.h>

#include "common/base/slice.h"
#include "relayd/connector.h"
#include "relayd/resolve.h"

/* An address literal in place of a domain: "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). False when it is none. */
bool literal_of_domain(struct slice domain, struct resolve_address *address_r);
/* A route's host that is an address: "192.0.2.1", "[2001:db8::1]". False when it is none. */
bool literal_of_host(struct slice host, struct resolve_address *address_r);

/* With PORT, for connecting. */
void literal_connector_address(const struct resolve_address *address, uint16_t port, struct connector_address *address_r);

#endif
