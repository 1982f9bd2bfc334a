/*
 * queued: the queue of messages, as a service.
 */
#include "common/proc/service.h"
#include "queued/roles.h"

static const char *
account_queue(const struct config *config)
{
	return config->account_queue;
}

static const char *
account_smtp(const struct config *config)
{
	return config->account_smtp;
}

static const char *
account_vmail(const struct config *config)
{
	return config->account_vmail;
}

static const char *
spool_directory(const struct config *config)
{
	return config->spool_directory;
}

static const char *
account_relay(const struct config *config)
{
	return config->account_relay;
}

static const struct service_unix smtpd_socket = { "queued-smtpd", account_smtp };
static const struct service_unix deliverd_socket = { "queued-deliverd", account_vmail };
static const struct service_unix relayd_socket = { "queued-relayd", account_relay };
static const struct service_unix admin_socket = { "queued-admin", account_queue }; /* for queuetool */

static const struct service_role syncer = {
	.name = "syncer",
	.account = account_queue,
	.main = syncer_main,
};

static const struct service_role queue = {
	.name = "queue",
	.account = account_queue,
	.directory = spool_directory,
	.sockets = { &smtpd_socket, &deliverd_socket, &relayd_socket, &admin_socket },
	.channels = { "tabled-queued" },
	.siblings = { "syncer" },
	.main = queue_main,
};

static const struct service service = {
	.name = "queued",
	.roles = { &syncer, &queue },
};

int
main(int argc, char **argv)
{
	return service_main(&service, argc, argv);
}
