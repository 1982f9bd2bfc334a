/*
 * deliverd: delivers messages from the queue into Maildirs. See deliverd(8).
 */
#include "common/proc/service.h"
#include "deliverd/worker.h"

static const char *
account(const struct config *config)
{
	return config->account_vmail;
}

static unsigned
worker_count(const struct config *config)
{
	return config->delivery_workers;
}

static const char *
directory(const struct config *config)
{
	return config->mail_directory;
}

static const struct service_role worker = {
	.name = "worker",
	.account = account,
	.count = worker_count,
	.directory = directory,
	.channels = { "queued-deliverd" },
	.watched = true,
	.main = worker_main,
};

static const struct service service = {
	.name = "deliverd",
	.roles = { &worker },
};

int
main(int argc, char **argv)
{
	return service_main(&service, argc, argv);
}
