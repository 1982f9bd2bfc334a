/*
 * The limits of clients that have not logged in (common/io/limits.h), as POP3 sees them.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "pop3d/login.h"

void
login_limit_rules(struct login_worker *worker)
{
	const struct config *config = process_config(worker->process);

	worker->limits.rules = (struct limits_rules){
		.sessions = process_clients(worker->process, config->pop3_sessions, LOGIN_DESCRIPTORS),
		.sessions_per_address = config->pop3_sessions_per_address,
		.total = { [LIMITS_SESSIONS] = config->pop3_session_rate },
		.per_address = {
			[LIMITS_SESSIONS] = config->pop3_session_rate_per_address,
			[LIMITS_ERRORS] = config->pop3_error_rate_per_address,
		},
	};
}

static const char *
name_of(enum limits_result result)
{
	switch (result) {
	case LIMITS_TOTAL_SESSIONS:
		return "pop3_sessions";
	case LIMITS_ADDRESS_SESSIONS:
		return "pop3_sessions_per_address";
	case LIMITS_TOTAL_RATE:
		return "pop3_session_rate";
	case LIMITS_ADDRESS_RATE:
		return "pop3_session_rate_per_address";
	case LIMITS_ADDRESS_ERRORS:
		return "pop3_error_rate_per_address";
	case LIMITS_NO_MEMORY:
	case LIMITS_OK:
		break;
	}
	return "memory";
}

/* One line of the log, though not for each of a flood. */
static void
log_refused(struct login_worker *worker, const struct sockaddr *address, enum limits_result result)
{
	char text[HANDOFF_CLIENT_SIZE];
	uint32_t unlogged;

	if (!limits_log(&worker->limits, address, clock_monotonic_ms(), &unlogged))
		return;
	config_address_text(address, text, sizeof(text));
	log_event(LOG_NOTICE, "pop3.turn_away", LOG_STRING("client", text), LOG_STRING("limit", name_of(result)),
	          LOG_UINT("unlogged", unlogged));
}

bool
login_limit_enter(struct login_worker *worker, const struct sockaddr *address, struct limits_client **client_r)
{
	const struct config *config = process_config(worker->process);
	bool exempt = config_networks_contain(&config->rate_exempt_networks, address) ||
	              config_networks_contain(&config->relay_networks, address);
	enum limits_result result = limits_enter(&worker->limits, address, exempt, clock_monotonic_ms(), client_r);

	if (result != LIMITS_OK)
		log_refused(worker, address, result);
	return result == LIMITS_OK;
}

bool
login_limit_error(struct login *login)
{
	return limits_take(&login->worker->limits, login->limited, LIMITS_ERRORS, 1, clock_monotonic_ms()) == LIMITS_OK;
}
