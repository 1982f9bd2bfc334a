/*
 * The rules of TLS, strictest first. An administrator who asks for TLS in a route never gets less than DNS asks for.
 */
#include "relayd/tls_policy.h"

bool
tls_policy_wants_dane(const struct route *route, enum config_relay_tls standard)
{
	if (route->kind == ROUTE_LMTP_SOCKET || route->tls == ROUTE_TLS_OFF)
		return false;
	return standard == CONFIG_RELAY_TLS_DANE || route->tls == ROUTE_TLS_VERIFIED;
}

enum tls_policy
tls_policy_of(const struct route *route, enum config_relay_tls standard, enum resolve_tlsa tlsa, bool broken)
{
	bool must = route->tls == ROUTE_TLS_REQUIRED || route->tls_at_once;

	if (route->kind == ROUTE_LMTP_SOCKET || (route->tls == ROUTE_TLS_OFF && !route->tls_at_once))
		return TLS_POLICY_OFF;
	if (tls_policy_wants_dane(route, standard)) {
		if (tlsa == RESOLVE_TLSA_FAILED)
			return TLS_POLICY_SKIP;
		if (tlsa == RESOLVE_TLSA_USABLE)
			return TLS_POLICY_DANE;
		must = must || tlsa == RESOLVE_TLSA_UNUSABLE;
	}
	if (route->tls == ROUTE_TLS_VERIFIED)
		return TLS_POLICY_AUTHORITY;
	if (must)
		return TLS_POLICY_MUST;
	return standard == CONFIG_RELAY_TLS_OFF || broken ? TLS_POLICY_OFF : TLS_POLICY_MAY;
}
