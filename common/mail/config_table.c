/*
 * The table of directives: what each is called, what it may hold, and its default. angarium.conf(5) explains them.
 */
#include <syslog.h>

#include "common/ipc/proto_submit.h"
#include "common/ipc/proto_table.h"
#include "common/mail/config_directive.h"
#include "common/mail/envelope.h"

#define KILO ((uint64_t)1024)
#define MEGA (1024 * KILO)
#define GIGA (1024 * MEGA)
#define TERA (1024 * GIGA)

enum {
	MINUTE = 60,
	DAY = 24 * 60 * 60,
	YEAR = 365 * DAY,
	WORKERS_MAX = 1024,
	SESSIONS_MAX = 1000000,
	/* A UNIX socket's path has 108 bytes (unix(7)); the longest name of ours has 21, with some room to grow. */
	RUN_DIRECTORY_MAX = 80,
};

static const struct config_word log_words[] = {
	{ "stderr", CONFIG_LOG_STDERR },
	{ "syslog", CONFIG_LOG_SYSLOG },
	{ NULL, 0 },
};

static const struct config_word level_words[] = {
	{ "error", LOG_ERR },
	{ "warning", LOG_WARNING },
	{ "notice", LOG_NOTICE },
	{ "info", LOG_INFO },
	{ "debug", LOG_DEBUG },
	{ NULL, 0 },
};

static const struct config_word version_words[] = {
	{ "1.2", CONFIG_TLS_1_2 },
	{ "1.3", CONFIG_TLS_1_3 },
	{ NULL, 0 },
};

static const struct config_word choice_words[] = {
	{ "no", CONFIG_NO },
	{ "yes", CONFIG_YES },
	{ NULL, 0 },
};

static const struct config_word quota_words[] = {
	{ "defer", CONFIG_OVER_QUOTA_DEFER },
	{ "reject", CONFIG_OVER_QUOTA_REJECT },
	{ NULL, 0 },
};

static const struct config_word relay_tls_words[] = {
	{ "off", CONFIG_RELAY_TLS_OFF },
	{ "may", CONFIG_RELAY_TLS_MAY },
	{ "dane", CONFIG_RELAY_TLS_DANE },
	{ NULL, 0 },
};

#define MEMBER(member) #member, offsetof(struct config, member), sizeof(((struct config *)NULL)->member)

#define HOSTNAME(member) { MEMBER(member), config_parse_hostname, 1, CONFIG_NAME_MAX - 1, NULL, false, NULL }
#define PATH(member, most, standard) { MEMBER(member), config_parse_path, 2, (most), NULL, false, (standard) }
#define OPTIONAL_PATH(member, standard) \
	{ MEMBER(member), config_parse_optional_path, 2, CONFIG_PATH_MAX - 1, NULL, false, (standard) }
#define PATHS(member, standard) { MEMBER(member), config_parse_paths, 2, CONFIG_PATH_MAX - 1, NULL, false, (standard) }
#define ADDRESS(member, standard) { MEMBER(member), config_parse_address, 1, CONFIG_NAME_MAX - 1, NULL, false, (standard) }
#define ACCOUNT(member, standard) { MEMBER(member), config_parse_account, 1, 31, NULL, false, (standard) }
#define WORD(member, words, standard) { MEMBER(member), config_parse_word, 0, 0, (words), false, (standard) }
#define SEPARATOR(member, standard) { MEMBER(member), config_parse_separator, 0, 0, NULL, false, (standard) }
#define NUMBER(member, least, most, standard) { MEMBER(member), config_parse_number, (least), (most), NULL, false, (standard) }
#define TIME(member, least, most, standard) { MEMBER(member), config_parse_time, (least), (most), NULL, false, (standard) }
#define RATE(member, standard) { MEMBER(member), config_parse_rate, 1, DAY, NULL, false, (standard) }
#define SIZE(member, least, most, standard) { MEMBER(member), config_parse_size, (least), (most), NULL, false, (standard) }
#define ENDPOINTS(member, standard) { MEMBER(member), config_parse_endpoints, 0, 0, NULL, false, (standard) }
#define CERTIFICATES(member, standard) \
	{ MEMBER(member), config_parse_certificate, 0, CONFIG_PATH_MAX - 1, NULL, true, (standard) }
#define NETWORKS(member, standard) { MEMBER(member), config_parse_networks, 0, 0, NULL, false, (standard) }
#define RETRIES(member, standard) { MEMBER(member), config_parse_retries, 1, 30 * DAY, NULL, false, (standard) }

const struct config_directive config_directives[] = {
	HOSTNAME(hostname),
	PATH(run_directory, RUN_DIRECTORY_MAX, RUNSTATEDIR "/angarium"),
	PATH(spool_directory, CONFIG_PATH_MAX - 1, LOCALSTATEDIR "/spool/angarium"),
	PATH(table_directory, CONFIG_PATH_MAX - 1, LOCALSTATEDIR "/lib/angarium"),
	PATH(mail_directory, CONFIG_PATH_MAX - 1, LOCALSTATEDIR "/mail/angarium"),
	WORD(log, log_words, "stderr"),
	WORD(log_level, level_words, "info"),
	TIME(role_timeout, 0, DAY, "30s"),

	ACCOUNT(account_table, "_ang_table"),
	ACCOUNT(account_queue, "_ang_queue"),
	ACCOUNT(account_smtp, "_ang_smtp"),
	ACCOUNT(account_login, "_ang_login"),
	ACCOUNT(account_vmail, "_ang_vmail"),
	ACCOUNT(account_key, "_ang_key"),
	ACCOUNT(account_relay, "_ang_relay"),
	ACCOUNT(account_dns, "_ang_dns"),

	CERTIFICATES(tls_certificate, "off"),
	WORD(tls_min_version, version_words, "1.2"),

	ENDPOINTS(smtp_listen, "*:25 *:2525"),
	ENDPOINTS(submission_listen, "*:587"),
	ENDPOINTS(smtps_listen, "*:465"),
	NETWORKS(relay_networks, "127.0.0.0/8 ::1"),
	NETWORKS(rate_exempt_networks, "127.0.0.0/8 ::1"),
	NETWORKS(proxy_networks, "off"),
	TIME(proxy_timeout, 1, DAY, "10s"),
	NUMBER(smtp_workers, 0, WORKERS_MAX, "0"),
	NUMBER(smtp_sessions, 1, SESSIONS_MAX, "10000"),
	NUMBER(smtp_sessions_per_address, 0, SESSIONS_MAX, "100"),
	RATE(smtp_session_rate, "off"),
	RATE(smtp_session_rate_per_address, "600 per 1m"),
	RATE(smtp_message_rate, "off"),
	RATE(smtp_message_rate_per_address, "10000 per 1h"),
	RATE(smtp_recipient_rate, "off"),
	RATE(smtp_recipient_rate_per_address, "50000 per 1h"),
	RATE(smtp_error_rate_per_address, "1000 per 1h"),
	TIME(smtp_command_timeout, 1, DAY, "5m"),
	TIME(smtp_data_timeout, 1, DAY, "3m"),
	NUMBER(smtp_errors, 1, 1000, "20"),
	SIZE(smtp_memory, 16 * MEGA, TERA, "256M"),
	SIZE(message_size_limit, KILO, TERA, "50M"),
	NUMBER(recipients_limit, 1, ENVELOPE_RECIPIENTS_MAX, "1000"),
	NUMBER(hops_limit, 1, 1000, "100"),
	SIZE(inline_limit, KILO, SUBMIT_INLINE_MAX, "128k"),

	WORD(auth_without_tls, choice_words, "no"),
	WORD(auth_on_smtp, choice_words, "no"),

	SEPARATOR(subaddress_separator, "+"),

	NUMBER(hash_workers, 0, WORKERS_MAX, "0"),
	NUMBER(hash_cost, 1, 11, "5"),
	NUMBER(auth_failures_per_address, 0, 1000000, "20"),
	NUMBER(auth_failures_per_account, 0, 1000000, "10"),
	TIME(auth_failure_delay, 0, 8, "1s"),
	TIME(password_cache_time, 0, DAY, "5m"),
	SIZE(table_cache_size, 256 * KILO, TERA, "64M"),
	NUMBER(alias_depth, 1, 100, "10"),
	NUMBER(alias_targets, 1, TABLE_TARGETS_MAX, "1000"),

	/* Below the largest SUBMIT frame each large message would take a segment of its own. */
	SIZE(segment_size, SUBMIT_FRAME_MAX, GIGA, "64M"),
	SIZE(queue_memory, MEGA, TERA, "256M"),
	SIZE(spool_reserve, 0, TERA, "64M"),
	RETRIES(retry, "15m for 4h, then 30m for 8h, then 1h for 24h, then 2h"),
	TIME(queue_lifetime, 1, YEAR, "5d"),
	TIME(delay_warning, 0, YEAR, "4h"),
	SIZE(bounce_size_limit, 0, SUBMIT_INLINE_MAX, "64k"),
	ADDRESS(double_bounce_to, "postmaster"),

	NUMBER(relay_workers, 0, WORKERS_MAX, "0"),
	NUMBER(relay_port, 1, UINT16_MAX, "25"),
	WORD(relay_tls, relay_tls_words, "dane"),
	OPTIONAL_PATH(relay_ca_file, "/etc/ssl/certs/ca-certificates.crt"),
	PATHS(relay_sockets, "off"),
	NUMBER(relay_connections, 1, 1000, "20"),
	NUMBER(relay_messages, 1, 1000000, "1000"),
	RATE(relay_rate, "off"),
	TIME(relay_idle_timeout, 1, DAY, "5s"),
	TIME(relay_connect_timeout, 1, DAY, "30s"),
	TIME(relay_command_timeout, 1, DAY, "5m"),
	TIME(relay_data_timeout, 1, DAY, "3m"),
	TIME(relay_end_timeout, 1, DAY, "10m"),
	ENDPOINTS(dns_servers, "off"),
	OPTIONAL_PATH(dns_trust_anchor, "/usr/share/dns/root.key"),

	NUMBER(delivery_workers, 1, WORKERS_MAX, "4"),
	WORD(over_quota, quota_words, "defer"),

	ENDPOINTS(pop3_listen, "*:110"),
	ENDPOINTS(pop3s_listen, "*:995"),
	NUMBER(pop3_login_workers, 0, WORKERS_MAX, "0"),
	NUMBER(pop3_session_workers, 0, WORKERS_MAX, "0"),
	NUMBER(pop3_sessions, 1, SESSIONS_MAX, "10000"),
	NUMBER(pop3_sessions_per_address, 0, SESSIONS_MAX, "100"),
	RATE(pop3_session_rate, "off"),
	RATE(pop3_session_rate_per_address, "600 per 1m"),
	RATE(pop3_error_rate_per_address, "1000 per 1h"),
	TIME(pop3_timeout, 1, DAY, "10m"),
	TIME(pop3_login_timeout, 1, DAY, "1m"),
};

const size_t config_directive_count = sizeof(config_directives) / sizeof(config_directives[0]);
_Static_assert(sizeof(config_directives) / sizeof(config_directives[0]) <= CONFIG_DIRECTIVES_MAX,
               "CONFIG_DIRECTIVES_MAX is too small");

enum {
	NAME_MAX_COMPARED = 48, /* bytes; a longer word is like no name */
	DISTANCE_MAX = 3,       /* single mistakes that "did you mean" forgives */
};

static size_t
least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * How many letters must be put in, left out, changed or swapped with their neighbour to make A of B (optimal string
 * alignment).
 */
static size_t
edit_distance(struct slice a, struct slice b)
{
	size_t rows[3][NAME_MAX_COMPARED + 1];

	if (a.length > NAME_MAX_COMPARED || b.length > NAME_MAX_COMPARED)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.length; i++) {
		const size_t *before = rows[(i - 1) % 3];
		const size_t *before_that = rows[(i + 1) % 3];
		size_t *row = rows[i % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.length; j++) {
			row[j] = least_of(before[j], row[j - 1]) + 1;
			row[j] = least_of(row[j], before[j - 1] + (a.data[i - 1] != b.data[j - 1]));
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
				row[j] = least_of(row[j], before_that[j - 2] + 1);
		}
	}
	return rows[a.length % 3][b.length];
}

const struct config_directive *
config_directive_find(struct slice name)
{
	for (size_t i = 0; i < config_directive_count; i++)
		if (slice_equal(name, slice_from_string(config_directives[i].name)))
			return &config_directives[i];
	return NULL;
}

const struct config_directive *
config_directive_near(struct slice name)
{
	const struct config_directive *nearest = NULL;
	size_t nearest_distance = least_of(DISTANCE_MAX, name.length / 2) + 1;

	for (size_t i = 0; i < config_directive_count; i++) {
		size_t distance = edit_distance(name, slice_from_string(config_directives[i].name));

		if (distance < nearest_distance) {
			nearest = &config_directives[i];
			nearest_distance = distance;
		}
	}
	return nearest;
}
