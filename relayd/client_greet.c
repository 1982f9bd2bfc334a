/*
 * From the greeting to a session that is ready: EHLO (RFC 5321 3.2), or LHLO (RFC 2033 4.1), STARTTLS (RFC 3207), AUTH (RFC 4954).
 */
#include "relayd/client_private.h"

static void
client_greet(struct client *client)
{
	client->ehlo = (struct ehlo){ .size_limit = 0 };
	client_printf(client, "%s %s\r\n", client->settings->lmtp ? "LHLO" : "EHLO", client->settings->hostname);
	client_enter(client, CLIENT_EHLO);
}

/* The session cannot get ready, and the remote may be left with QUIT. */
static void
client_decline(struct client *client, const char *status, const char *text)
{
	client->in_step = true;
	client_give_up(client, status, text);
}

void
client_refused(struct client *client)
{
	struct client_result result;

	client->in_step = true;
	client_result_of_reply(client, &result);
	client_end_session(client, &result);
}

void
client_greeted(struct client *client)
{
	client_greet(client);
}

void
client_ehlo_accepted(struct client *client)
{
	client_continue(client);
}

/* Servers from before 1993 know HELO alone (RFC 5321 3.2). LMTP has no other command. */
void
client_ehlo_refused(struct client *client)
{
	if (client->settings->lmtp || client->reply.code < 500) {
		client_refused(client);
		return;
	}
	client->ehlo = (struct ehlo){ .size_limit = 0 };
	client_printf(client, "HELO %s\r\n", client->settings->hostname);
	client_enter(client, CLIENT_HELO);
}

void
client_starttls_accepted(struct client *client)
{
	/* What stands behind the reply was put there by somebody who wants it to be taken for what TLS protects (CVE-2011-0411). */
	if (client->premature)
		return;
	client_enter(client, CLIENT_HANDSHAKE);
	if (conn_start_tls_client(client->conn, client->settings->tls_context, client->settings->tls_settings) != 0) {
		client->tls_failed = true;
		client_give_up(client, "4.7.5", "TLS cannot be started");
	}
}

void
client_starttls_refused(struct client *client)
{
	struct client_result result;

	client->tls_refused = true;
	if (client->settings->tls == CLIENT_TLS_MAY) {
		client_continue(client);
		return;
	}
	client->in_step = true;
	client_result_set(&result, RELAY_TEMPORARY, "4.7.5", client->reply.text);
	client_end_session(client, &result);
}

void
client_secured(struct client *client)
{
	client->secure = true;
	if (client->settings->tls_at_once) {
		client->unanswered = 1;
		client_enter(client, CLIENT_GREETING);
		return;
	}
	client_greet(client);
}

/* True when STARTTLS is said, or the session is given up because it cannot be. */
static bool
client_wants_tls(struct client *client)
{
	if (client->secure || client->settings->tls == CLIENT_TLS_OFF || client->tls_refused)
		return false;
	if (client->ehlo.starttls) {
		client_command(client, SLICE("STARTTLS\r\n"));
		client_enter(client, CLIENT_STARTTLS);
		return true;
	}
	if (client->settings->tls == CLIENT_TLS_MAY)
		return false;
	client_decline(client, "4.7.5", "TLS is required, and the remote does not offer STARTTLS");
	return true;
}

/* The same for AUTH. A password that cannot be used is a matter of the configuration: mail waits until it is put right. */
static bool
client_wants_auth(struct client *client)
{
	if (client->settings->login.length == 0 || client->authenticated)
		return false;
	if (!client->secure)
		client_decline(client, "4.7.11", "A login is required, and there is no TLS to send its password over");
	else if (!client->ehlo.auth_plain && !client->ehlo.auth_login)
		client_decline(client, "4.7.0", "A login is required, and the remote offers neither AUTH PLAIN nor AUTH LOGIN");
	else
		client_auth(client);
	return true;
}

void
client_continue(struct client *client)
{
	if (client_wants_tls(client) || client_wants_auth(client))
		return;
	client_enter(client, CLIENT_READY);
	client->callbacks->ready(client->context, client);
}
