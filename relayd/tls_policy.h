/*
 * What TLS there has to be with a host: from its route, the configuration, and the TLSA records of DNS (RFC 7672).
 */
#ifndef ANGARIUM_RELAYD_TLS_POLICY_H
#define ANGARIUM_RELAYD_TLS_POLICY_H

#include <stdbool.h>

#include "common/mail/config.h"
#include "common/mail/route.h"
#include "relayd/proto_resolve.h"

enum tls_policy {
	TLS_POLICY_OFF,
	TLS_POLICY_MAY,       /* when it is offered, with any certificate; when its handshake fails, in clear */
	TLS_POLICY_MUST,      /* with any certificate */
	TLS_POLICY_AUTHORITY, /* with one by an authority, for the host */
	TLS_POLICY_DANE,      /* with one that the host's TLSA records name */
	TLS_POLICY_SKIP,      /* the host must not be used now (RFC 7672 2.1.2) */
};

/* Is the resolver to look for TLSA records? */
bool tls_policy_wants_dane(const struct route *route, enum config_relay_tls standard);
/* BROKEN: TLS with this host has failed a short time ago. */
enum tls_policy tls_policy_of(const struct route *route, enum config_relay_tls standard, enum resolve_tlsa tlsa, bool broken);

#endif
