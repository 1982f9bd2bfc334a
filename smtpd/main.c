/*
 * smtpd: receives mail by SMTP and hands it to queued. What the service consists of.
 */
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

static const struct service_role worker = {
	.name = "worker",
	.account = account,
	.count = workers,
	.tcp = { &smtp, &submission },
	.channels = { "tabled-smtpd", "queued-smtpd" },
	.descriptors = 0, /* smtp_sessions is what limits */
	.main = worker_main,
};

static const struct service service = {
	.name = "smtpd",
	.roles = { &worker },
};

int
main(int argc, char **argv)
{
	return service_main(&service, argc, argv);
}
