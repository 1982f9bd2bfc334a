/*
 * The limits of clients as SMTP sees them.
 */
#include "smtpd/limit.h"

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "smtpd/session.h"
#include "smtpd/transaction.h"

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

/* A refusal is logged, though not each of a flood. */
static void
log_limit(struct session *session, const char *limit)
{
	uint32_t unlogged;

	if (limits_log_client(&session->host->limits, session->limited, clock_monotonic_ms(), &unlogged))
		log_event(LOG_NOTICE, "smtp.limit", LOG_STRING("session", session->id), LOG_STRING("client", session->client),
		          LOG_STRING("limit", limit), LOG_UINT("unlogged", unlogged));
}

/* Takes one of KIND. */
static bool
take(struct session *session, enum limits_kind kind)
{
	enum limits_result result = limits_take(&session->host->limits, session->limited, kind, 1, clock_monotonic_ms());

	if (result != LIMITS_OK)
		log_limit(session, limit_name(result, kind));
	return result == LIMITS_OK;
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

/* Everything that clients can make grow is a buffer (what was read, what is to be sent, bodies) or part of a transaction. */
static enum reply
check_memory(struct session *session, uint64_t most)
{
	if (buffer_memory() + transaction_memory() < most)
		return REPLY_NONE;
	log_limit(session, "smtp_memory");
	return REPLY_MEMORY_FULL;
}

enum reply
limit_memory_new(struct session *session)
{
	return check_memory(session, session->host->config->smtp_memory / 4 * 3);
}

enum reply
limit_memory_more(struct session *session)
{
	return check_memory(session, session->host->config->smtp_memory);
}

bool
limit_error(struct session *session)
{
	return take(session, LIMITS_ERRORS);
}
