/*
 * The limits of clients as SMTP sees them.
 */
#include "smtpd/limit.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "smtpd/session.h"

void
limit_rules(const struct config *config, struct limits_rules *rules_r)
{
	*rules_r = (struct limits_rules){
		.sessions = config->smtp_sessions,
		.sessions_per_address = config->smtp_sessions_per_address,
		.total = {
			[LIMITS_SESSIONS] = config->smtp_session_rate,
			[LIMITS_MESSAGES] = config->smtp_message_rate,
			[LIMITS_RECIPIENTS] = config->smtp_recipient_rate,
		},
		.per_address = {
			[LIMITS_SESSIONS] = config->smtp_session_rate_per_address,
			[LIMITS_MESSAGES] = config->smtp_message_rate_per_address,
			[LIMITS_RECIPIENTS] = config->smtp_recipient_rate_per_address,
			[LIMITS_ERRORS] = config->smtp_error_rate_per_address,
		},
	};
}

bool
limit_exempts(const struct config *config, const struct sockaddr *address)
{
	return config_networks_contain(&config->rate_exempt_networks, address) ||
	       config_networks_contain(&config->relay_networks, address);
}

const char *
limit_name(enum limits_result result, enum limits_kind kind)
{
	static const char *const totals[LIMITS_KINDS] = {
		[LIMITS_SESSIONS] = "smtp_session_rate",
		[LIMITS_MESSAGES] = "smtp_message_rate",
		[LIMITS_RECIPIENTS] = "smtp_recipient_rate",
		[LIMITS_ERRORS] = "smtp_error_rate_per_address",
	};
	static const char *const per_address[LIMITS_KINDS] = {
		[LIMITS_SESSIONS] = "smtp_session_rate_per_address",
		[LIMITS_MESSAGES] = "smtp_message_rate_per_address",
		[LIMITS_RECIPIENTS] = "smtp_recipient_rate_per_address",
		[LIMITS_ERRORS] = "smtp_error_rate_per_address",
	};

	switch (result) {
	case LIMITS_TOTAL_SESSIONS:
		return "smtp_sessions";
	case LIMITS_ADDRESS_SESSIONS:
		return "smtp_sessions_per_address";
	case LIMITS_TOTAL_RATE:
		return totals[kind];
	case LIMITS_ADDRESS_RATE:
		return per_address[kind];
	case LIMITS_ADDRESS_ERRORS:
		return per_address[LIMITS_ERRORS];
	case LIMITS_NO_MEMORY:
	case LIMITS_OK:
		break;
	}
	return "memory";
}

/* Takes one of KIND. A refusal is logged, though not each of a flood. */
static bool
take(struct session *session, enum limits_kind kind)
{
	struct limits *limits = &session->host->limits;
	int64_t now = clock_monotonic_ms();
	enum limits_result result = limits_take(limits, session->limited, kind, 1, now);
	uint32_t unlogged;

	if (result == LIMITS_OK)
		return true;
	if (limits_log_client(limits, session->limited, now, &unlogged))
		log_event(LOG_NOTICE, "smtp.limit", LOG_STRING("session", session->id), LOG_STRING("client", session->client),
		          LOG_STRING("limit", limit_name(result, kind)), LOG_UINT("unlogged", unlogged));
	return false;
}

enum reply
limit_message(struct session *session)
{
	return take(session, LIMITS_MESSAGES) ? REPLY_NONE : REPLY_MESSAGE_RATE;
}

enum reply
limit_recipient(struct session *session)
{
	return take(session, LIMITS_RECIPIENTS) ? REPLY_NONE : REPLY_RECIPIENT_RATE;
}

bool
limit_error(struct session *session)
{
	return take(session, LIMITS_ERRORS);
}
