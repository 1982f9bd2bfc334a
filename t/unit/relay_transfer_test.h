/*
 * For the tests of the way of a job: what they say in short.
 */
#ifndef ANGARIUM_T_RELAY_TRANSFER_TEST_H
#define ANGARIUM_T_RELAY_TRANSFER_TEST_H

#include <string.h>

#include "relayd/transfer.h"
#include "t/unit/relay_fake.h"
#include "t/unit/unit.h"

static const struct client_result refused_for_now = { RELAY_TEMPORARY, "4.3.2", "421 go away" };

static inline void
send_by_mx(void)
{
	fake_job("example.org", "mx", ROUTE_TLS_STANDARD);
}

static inline bool
went_to(size_t session, const char *host)
{
	return strncmp(fake.sessions[session].remote, host, strlen(host)) == 0;
}

static inline bool
is_sending(void)
{
	return fake.relay.sending == 1;
}

#endif
