/*
 * The configuration: one file, one directive a line, "#" comments. Manual page: angarium.conf(5).
 *
 * The text is parsed from a buffer; the parent of a service reads the file once and hands the text to its roles.
 */
#ifndef ANGARIUM_MAIL_CONFIG_H
#define ANGARIUM_MAIL_CONFIG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/base/bucket.h"
#include "common/base/slice.h"

enum config_limits {
	CONFIG_TEXT_MAX = 1024 * 1024, /* bytes of the file */
	CONFIG_ENDPOINTS_MAX = 16,
	CONFIG_NETWORKS_MAX = 256,
	CONFIG_RETRIES_MAX = 32,
	CONFIG_CERTIFICATES_MAX = 64,
	CONFIG_PATHS_MAX = 16,
	CONFIG_PATH_MAX = 256,
	CONFIG_NAME_MAX = 256,
	CONFIG_ACCOUNT_MAX = 64,
	CONFIG_ERROR_MAX = 512,
};

/*
 * "127.0.0.1:2525", "[::1]:25"; "*:25" makes two, 0.0.0.0 and [::]: bind IPv6 ones with IPV6_V6ONLY, and let a host
 * without IPv6 do without the second.
 */
struct config_endpoint {
	struct sockaddr_storage address;
	socklen_t length;
};

struct config_endpoints {
	size_t count;
	struct config_endpoint list[CONFIG_ENDPOINTS_MAX];
};

/* "10.0.0.0/8", "::1", "192.0.2.7" */
struct config_network {
	int family; /* AF_INET or AF_INET6 */
	unsigned char address[16];
	unsigned bits;
};

struct config_networks {
	size_t count;
	struct config_network list[CONFIG_NETWORKS_MAX];
};

/* "15m for 4h, then 30m, 1h, 2h": intervals of INTERVAL until the message is UNTIL old (the last: for ever) */
struct config_retry {
	uint32_t interval; /* seconds */
	uint32_t until;    /* seconds of the message's age; UINT32_MAX for the last */
};

struct config_retries {
	size_t count;
	struct config_retry list[CONFIG_RETRIES_MAX];
};

/* A certificate chain and its private key, both files in PEM. The key is read by the parent of a service alone. */
struct config_certificate {
	char chain[CONFIG_PATH_MAX];
	char key[CONFIG_PATH_MAX];
	unsigned line; /* of the file that names them */
};

struct config_certificates {
	size_t count;
	struct config_certificate list[CONFIG_CERTIFICATES_MAX];
};

struct config_paths {
	size_t count;
	char list[CONFIG_PATHS_MAX][CONFIG_PATH_MAX];
};

enum config_log { CONFIG_LOG_STDERR, CONFIG_LOG_SYSLOG };
enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_relay_tls {
	CONFIG_RELAY_TLS_OFF,    /* never */
	CONFIG_RELAY_TLS_MAY,    /* when it is offered; a handshake that fails is tried again in clear */
	CONFIG_RELAY_TLS_DANE,   /* as DNS says (RFC 7672), and otherwise as MAY */
};
enum config_choice { CONFIG_NO, CONFIG_YES };
enum config_over_quota { CONFIG_OVER_QUOTA_DEFER, CONFIG_OVER_QUOTA_REJECT };

struct config {
	/* the host */
	char hostname[CONFIG_NAME_MAX];           /* hostname: default gethostname */
	char run_directory[CONFIG_PATH_MAX];      /* pid files and sockets */
	char spool_directory[CONFIG_PATH_MAX];    /* the queue */
	char table_directory[CONFIG_PATH_MAX];    /* Berkeley DB */
	char mail_directory[CONFIG_PATH_MAX];     /* mailboxes: DOMAIN/LOCAL-PART/ */
	enum config_log log;                      /* log: stderr or syslog */
	int log_level;                            /* log_level: error to debug; a syslog(3) priority */

	/* accounts (ignored when not started by root) */
	char account_table[CONFIG_ACCOUNT_MAX];
	char account_queue[CONFIG_ACCOUNT_MAX];
	char account_smtp[CONFIG_ACCOUNT_MAX];
	char account_login[CONFIG_ACCOUNT_MAX];
	char account_vmail[CONFIG_ACCOUNT_MAX];
	char account_key[CONFIG_ACCOUNT_MAX];
	char account_relay[CONFIG_ACCOUNT_MAX];
	char account_dns[CONFIG_ACCOUNT_MAX];

	uint32_t role_timeout;                    /* seconds after which a role that does not answer is ended; 0: never */

	/* TLS; without a certificate there is none, and nobody listens on smtps_listen and pop3s_listen */
	struct config_certificates tls_certificate; /* the first is for clients that name no server */
	enum config_tls_version tls_min_version;    /* tls_min_version: 1.2 or 1.3 */

	/* smtpd */
	struct config_endpoints smtp_listen;       /* port 25: from other servers */
	struct config_endpoints submission_listen; /* port 587: from users; messages are completed (RFC 6409) */
	struct config_endpoints smtps_listen;      /* port 465: the same with TLS from the start (RFC 8314) */
	struct config_networks relay_networks;     /* clients that may send to other domains */
	struct config_networks rate_exempt_networks; /* clients that no rate per address holds for; nor for relay_networks */
	struct config_networks proxy_networks;     /* load balancers, which begin with a PROXY header */
	uint32_t proxy_timeout;                    /* seconds until it must have come */
	uint32_t smtp_workers;                     /* processes; 0: one a core */
	uint32_t smtp_sessions;                    /* at once, each worker */
	uint32_t smtp_sessions_per_address;        /* at once, each worker; 0: no limit */
	struct bucket_rate smtp_session_rate;      /* this and the following rates: in each worker */
	struct bucket_rate smtp_session_rate_per_address;
	struct bucket_rate smtp_message_rate;
	struct bucket_rate smtp_message_rate_per_address;
	struct bucket_rate smtp_recipient_rate;
	struct bucket_rate smtp_recipient_rate_per_address;
	struct bucket_rate smtp_error_rate_per_address;
	uint32_t smtp_command_timeout;             /* seconds; RFC 5321 4.5.3.2.7: 5 minutes */
	uint32_t smtp_data_timeout;                /* seconds between two data blocks: 4.5.3.2.5: 3 minutes */
	uint32_t smtp_errors;                      /* bad commands after which a session is closed */
	uint64_t smtp_memory;                      /* bytes of what clients send and are sent, each worker */
	uint64_t message_size_limit;               /* bytes */
	uint32_t recipients_limit;                 /* a message */
	uint32_t hops_limit;                       /* Received: fields */
	uint32_t inline_limit;                     /* bytes of body that go inside a frame */

	/* logins */
	enum config_choice auth_without_tls;       /* auth_without_tls: yes: passwords are taken in the clear from anywhere */
	enum config_choice auth_on_smtp;           /* auth_on_smtp: yes: on smtp_listen, too */

	/* addresses */
	char subaddress_separator;                 /* '+'; '\0' when off */

	/* tabled */
	uint32_t hash_workers;                     /* processes; 0: one a core */
	uint32_t hash_cost;                        /* of yescrypt, 1 to 11 */
	uint32_t password_cache_time;              /* seconds; 0: off */
	uint32_t auth_failures_per_address;        /* in some ten minutes; 0: no limit */
	uint32_t auth_failures_per_account;        /* the same */
	uint32_t auth_failure_delay;               /* seconds before a first failure is answered */
	uint64_t table_cache_size;                 /* bytes of Berkeley DB cache */
	uint32_t alias_depth;                      /* aliases that lead to aliases */
	uint32_t alias_targets;                    /* final targets of one address */

	/* queued */
	uint64_t segment_size;                     /* bytes */
	uint64_t queue_memory;                     /* bytes of bodies kept in memory */
	uint64_t spool_reserve;                    /* bytes that must stay free, else mail is refused */
	struct config_retries retry;               /* retry */
	uint32_t queue_lifetime;                   /* seconds; after which a message is returned */
	uint32_t delay_warning;                    /* seconds; after which the sender is warned, once; 0: never */
	uint32_t bounce_size_limit;                /* bytes of a message that is returned whole; more: headers only */
	char double_bounce_to[CONFIG_NAME_MAX];    /* who gets a bounce that cannot be delivered; "": nobody */

	/* relayd, and how queued steers it */
	uint32_t relay_workers;                    /* processes; 0: one a core */
	uint32_t relay_port;                       /* of MX hosts */
	enum config_relay_tls relay_tls;           /* relay_tls: off, may, dane */
	char relay_ca_file[CONFIG_PATH_MAX];       /* authorities for routes with tls=verify */
	struct config_paths relay_sockets;         /* UNIX sockets that a route may lead to (lmtp:/PATH) */
	uint32_t relay_connections;                /* at once to one destination, at most */
	uint32_t relay_messages;                   /* over one connection */
	struct bucket_rate relay_rate;             /* messages to one destination */
	uint32_t relay_idle_timeout;               /* seconds for which a connection without work is kept */
	uint32_t relay_connect_timeout;            /* seconds for one address */
	uint32_t relay_command_timeout;            /* seconds; RFC 5321 4.5.3.2: greeting, EHLO, MAIL, RCPT 5 minutes */
	uint32_t relay_data_timeout;               /* seconds for DATA's 354 and for each block: 4.5.3.2.4, .5: 3 minutes */
	uint32_t relay_end_timeout;                /* seconds for the reply to the final dot: 4.5.3.2.6: 10 minutes */
	struct config_endpoints dns_servers;       /* none: those of /etc/resolv.conf */
	char dns_trust_anchor[CONFIG_PATH_MAX];    /* file with the root's (DNSSEC); "": no validation */

	/* deliverd */
	uint32_t delivery_workers;
	enum config_over_quota over_quota;         /* over_quota: defer or reject */

	/* pop3d */
	struct config_endpoints pop3_listen;
	struct config_endpoints pop3s_listen;      /* port 995: with TLS from the start (RFC 8314) */
	uint32_t pop3_login_workers;               /* 0: one a core */
	uint32_t pop3_session_workers;             /* 0: one a core */
	uint32_t pop3_sessions;                    /* at once, each worker */
	uint32_t pop3_sessions_per_address;        /* at once and not logged in, each worker; 0: no limit */
	struct bucket_rate pop3_session_rate;      /* this and the following rates: in each login worker */
	struct bucket_rate pop3_session_rate_per_address;
	struct bucket_rate pop3_error_rate_per_address;
	uint32_t pop3_timeout;                     /* seconds; RFC 1939 3: at least 10 minutes */
	uint32_t pop3_login_timeout;               /* seconds until authenticated */
};

/* Fills in the defaults. */
void config_defaults(struct config *config);
/*
 * Parses TEXT over the defaults, opening no file and asking no name server. After an error CONFIG holds a part of
 * it only. NAME is the file's, for messages. 0, or -EINVAL with "NAME:LINE: what is wrong; what would be right" in
 * ERROR (CONFIG_ERROR_MAX bytes).
 */
int config_parse(struct config *config, const char *name, struct slice text, char *error);
/*
 * Reads a file and parses it into CONFIG. Its text (free it) and the length of that are returned, unless both are not wanted (NULL). 0 or a
 * negative errno value, with ERROR as above.
 */
int config_load(struct config *config, const char *path, char **text_r, size_t *length_r, char *error);

/* A time as in the file: "90", "15m", "4h", "2d". 0, -EINVAL, or -ERANGE. */
int config_time(struct slice text, uint64_t *seconds_r);

/* True for 127.0.0.0/8, ::1, and sockets that are not of a network. */
bool config_is_loopback(const struct sockaddr *address);
/* True when ADDRESS lies in one of NETWORKS; an IPv4 address mapped into IPv6 counts as IPv4. */
bool config_networks_contain(const struct config_networks *networks, const struct sockaddr *address);
/*
 * "192.0.2.1" or "2001:db8::1" of ADDRESS into OUT (INET6_ADDRSTRLEN bytes); mapped IPv4 as IPv4; "local" for any
 * other family.
 */
void config_address_text(const struct sockaddr *address, char *out, size_t size);
/* Number of processors, for "one a core": at least 1. */
unsigned config_cores(void);

#endif
