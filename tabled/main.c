/*
 * tabled: domains, users and aliases. Roles: hash (checks passwords), owner (has the table and answers).
 */
#include "common/proc/service.h"
#include "tabled/hash.h"
#include "tabled/owner.h"

static const char *
account_table(const struct config *config)
{
	return config->account_table;
}

static const char *
account_smtp(const struct config *config)
{
	return config->account_smtp;
}

static const char *
account_queue(const struct config *config)
{
	return config->account_queue;
}

static const char *
account_login(const struct config *config)
{
	return config->account_login;
}

static const char *
account_vmail(const struct config *config)
{
	return config->account_vmail;
}

static const char *
table_directory(const struct config *config)
{
	return config->table_directory;
}

static unsigned
hash_count(const struct config *config)
{
	return config->hash_workers == 0 ? config_cores() : config->hash_workers;
}

static const struct service_unix smtpd_socket = { "tabled-smtpd", account_smtp };
static const struct service_unix queued_socket = { "tabled-queued", account_queue };
static const struct service_unix login_socket = { "tabled-login", account_login };
static const struct service_unix session_socket = { "tabled-session", account_vmail };
static const struct service_unix admin_socket = { "tabled-admin", account_table };

static const struct service_role hash_role = {
	.name = "hash",
	.account = account_table,
	.count = hash_count,
	.main = hash_main,
};

static const struct service_role owner_role = {
	.name = "owner",
	.account = account_table,
	.directory = table_directory,
	.sockets = { &smtpd_socket, &queued_socket, &login_socket, &session_socket, &admin_socket },
	.siblings = { "hash" },
	.main = owner_main,
};

static const struct service service = {
	.name = "tabled",
	.roles = { &hash_role, &owner_role },
};

int
main(int argc, char **argv)
{
	return service_main(&service, argc, argv);
}
