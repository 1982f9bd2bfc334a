/*
 * relayd: sends messages from the queue to other hosts. See relayd(8).
 */
#include "common/io/tls.h"
#include "common/proc/service.h"
#include "relayd/resolver.h"
#include "relayd/worker.h"

static const char *
account_relay(const struct config *config)
{
	return config->account_relay;
}

static const char *
account_dns(const struct config *config)
{
	return config->account_dns;
}

static unsigned
worker_count(const struct config *config)
{
	return config->relay_workers == 0 ? config_cores() : config->relay_workers;
}

/* The system's name servers, for when dns_servers names none. */
static const char *
resolv_conf(const struct config *config)
{
	return config->dns_servers.count == 0 ? "/etc/resolv.conf" : "";
}

static const char *
trust_anchor(const struct config *config)
{
	return config->dns_trust_anchor;
}

static const char *
authorities(const struct config *config)
{
	return config->relay_ca_file;
}

static const struct config_paths *
lmtp_sockets(const struct config *config)
{
	return &config->relay_sockets;
}

/* OpenSSL reads what it needs while it may. */
static int
prepare_tls(struct process *process)
{
	(void)process;
	return tls_prepare();
}

static const struct service_file resolv_conf_file = { "resolv.conf", resolv_conf };
static const struct service_file trust_anchor_file = { "trust-anchor", trust_anchor };
static const struct service_file authorities_file = { "authorities", authorities };
static const struct service_foreign lmtp = { "lmtp:", lmtp_sockets };

static const struct service_role resolver = {
	.name = "resolver",
	.account = account_dns,
	.files = { &resolv_conf_file, &trust_anchor_file },
	.connects = true,
	.watched = true,
	.main = resolver_main,
};

static const struct service_role worker = {
	.name = "worker",
	.account = account_relay,
	.count = worker_count,
	.channels = { "queued-relayd" },
	.siblings = { "resolver" },
	.files = { &authorities_file },
	.foreign = &lmtp,
	.connects = true,
	.prepare = prepare_tls,
	.watched = true,
	.main = worker_main,
};

static const struct service service = {
	.name = "relayd",
	.roles = { &resolver, &worker },
};

int
main(int argc, char **argv)
{
	return service_main(&service, argc, argv);
}
