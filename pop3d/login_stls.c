/*
 * STLS (RFC 2595 section 4), and TLS from the start (RFC 8314).
 */
#include <stdlib.h>

#include "common/base/log.h"
#include "common/io/tls_key.h"
#include "common/proc/role_tls.h"
#include "pop3d/login.h"

bool
login_offers_tls(const struct login *login)
{
	return !login->tls && role_tls_context() != NULL;
}

int
login_start_tls(struct login *login)
{
	/* RFC 2595 section 4: what the client has said before is forgotten. */
	free(login->user);
	login->user = NULL;
	login->state = LOGIN_NO_USER;
	login->utf8 = false;
	login->tls = true;
	return conn_start_tls(login->conn, role_tls_context());
}

const char *
login_refuse_tls(const struct login *login)
{
	if (login->tls)
		return "-ERR TLS is active already";
	if (role_tls_context() == NULL)
		return "-ERR unknown command";
	if (!tls_key_ready())
		return "-ERR [SYS/TEMP] TLS is not available at the moment; please try again later";
	return NULL;
}

void
login_secured(void *context, struct conn *conn)
{
	const struct login *login = context;
	struct tls_info info;

	if (!conn_tls_info(conn, &info))
		return;
	log_event(LOG_INFO, "pop3.tls", LOG_STRING("session", login->session), LOG_STRING("client", login->client),
	          LOG_STRING("version", info.version), LOG_STRING("cipher", info.cipher), LOG_UINT("resumed", info.resumed),
	          LOG_STRING("name", info.server_name == NULL ? "" : info.server_name));
}

void
login_tls_failed(const struct login *login)
{
	const char *failure = conn_tls_failure(login->conn);

	if (failure != NULL)
		log_event(LOG_INFO, "pop3.tls_failed", LOG_STRING("session", login->session), LOG_STRING("client", login->client),
		          LOG_STRING("why", failure));
}
