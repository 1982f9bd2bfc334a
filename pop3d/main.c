/*
 * pop3d: gives the messages of a maildrop to its owner, by POP3 (RFC 1939). Manual page: pop3d(8).
 */
#include "common/mail/config.h"
#include "common/proc/keeper.h"
#include "common/proc/role_tls.h"
#include "common/proc/service.h"
#include "pop3d/login.h"
#include "pop3d/session.h"

static const struct config_endpoints *
pop3_endpoints(const struct config *config)
{
	return &config->pop3_listen;
}

static const char *
login_account(const struct config *config)
{
	return config->account_login;
}

static const char *
mailbox_account(const struct config *config)
{
	return config->account_vmail;
}

static const char *
mail_directory(const struct config *config)
{
	return config->mail_directory;
}

static unsigned
login_workers(const struct config *config)
{
	return config->pop3_login_workers == 0 ? config_cores() : config->pop3_login_workers;
}

static unsigned
session_workers(const struct config *config)
{
	return config->pop3_session_workers == 0 ? config_cores() : config->pop3_session_workers;
}

static const struct config_endpoints *
pop3s_endpoints(const struct config *config)
{
	static const struct config_endpoints none;

	return role_tls_configured(config) ? &config->pop3s_listen : &none;
}

static const char *
key_account(const struct config *config)
{
	return config->account_key;
}

static const struct service_tcp pop3s = { .name = "pop3s", .endpoints = pop3s_endpoints };
static const struct service_tcp pop3 = { .name = "pop3", .endpoints = pop3_endpoints };

static const struct service_role session_role = {
	.name = "session",
	.account = mailbox_account,
	.count = session_workers,
	.directory = mail_directory,
	.channels = { "tabled-session" },
	.main = session_main,
};

static const struct service_role keeper_role = {
	.name = "keeper",
	.account = key_account,
	.tls = &role_keeps_keys,
	.watched = true,
	.main = keeper_main,
};

static const struct service_role login_role = {
	.name = "login",
	.account = login_account,
	.count = login_workers,
	.tcp = { &pop3, &pop3s },
	.channels = { "tabled-login" },
	.siblings = { "session", "keeper" },
	.tls = &role_speaks_tls,
	.watched = true,
	.main = login_main,
};

static const struct service service = {
	.name = "pop3d",
	.roles = { &session_role, &keeper_role, &login_role },
	.tls = &service_tls,
};

int
main(int argc, char **argv)
{
	return service_main(&service, argc, argv);
}
