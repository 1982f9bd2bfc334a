/*
 * smtpd: receives mail by SMTP and hands it to queued. What the service consists of.
 */
#include "common/proc/keeper.h"
#include "common/proc/role_tls.h"
#include "common/proc/service.h"
#include "smtpd/worker.h"

static const struct config_endpoints *
smtp_endpoints(const struct config *config)
{
	return &config->smtp_listen;
}

static const struct config_endpoints *
submission_endpoints(const struct config *config)
{
	return &config->submission_listen;
}

static const struct config_endpoints *
submissions_endpoints(const struct config *config)
{
	static const struct config_endpoints none;

	return role_tls_configured(config) ? &config->smtps_listen : &none;
}

static const char *
key_account(const struct config *config)
{
	return config->account_key;
}

static const char *
account(const struct config *config)
{
	return config->account_smtp;
}

static unsigned
workers(const struct config *config)
{
	return config->smtp_workers == 0 ? config_cores() : config->smtp_workers;
}

static const struct service_tcp smtp = { "smtp", smtp_endpoints };
static const struct service_tcp submission = { "submission", submission_endpoints };

static const struct service_tcp submissions = { "submissions", submissions_endpoints };

/* For sendmail and other programs of this host. */
static const struct service_unix local = { .name = "submit" };

static const struct service_role keeper = {
	.name = "keeper",
	.account = key_account,
	.tls = &role_keeps_keys,
	.watched = true,
	.main = keeper_main,
};

static const struct service_role worker = {
	.name = "worker",
	.account = account,
	.count = workers,
	.tcp = { &smtp, &submission, &submissions },
	.sockets = { &local },
	.channels = { "tabled-smtpd", "queued-smtpd" },
	.siblings = { "keeper" },
	.tls = &role_speaks_tls,
	.descriptors = 0, /* smtp_sessions is what limits */
	.watched = true,
	.main = worker_main,
};

static const struct service service = {
	.name = "smtpd",
	.roles = { &keeper, &worker },
	.tls = &service_tls,
};

int
main(int argc, char **argv)
{
	return service_main(&service, argc, argv);
}
