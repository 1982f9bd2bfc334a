/*
 * AUTH (RFC 4954) with PLAIN (RFC 4616) or LOGIN, both under TLS only.
 *
 * SCRAM would keep the password from a server that is not the right one. Which one it is, TLS says; and its key derivation would
 * hold up the loop.
 */
#include "common/base/base64.h"
#include "common/mail/route.h"
#include "relayd/client_private.h"

enum { MESSAGE_MAX = ROUTE_LOGIN_MAX + ROUTE_PASSWORD_MAX + 2 }; /* bytes: NUL login NUL password */

/* Writes COMMAND and MESSAGE in base64. */
static void
client_auth_message(struct client *client, const char *command, struct slice message)
{
	char text[BASE64_SIZE(MESSAGE_MAX)];

	base64_encode(message.data, message.length, text);
	conn_set_secret(client->conn, true);
	client_printf(client, "%s%s\r\n", command, text);
	explicit_bzero(text, sizeof(text));
}

static void
client_auth_plain(struct client *client)
{
	char message[MESSAGE_MAX];
	struct slice login = client->settings->login, password = client->settings->password;

	message[0] = '\0';
	memcpy(message + 1, login.data, login.length);
	message[1 + login.length] = '\0';
	if (password.length > 0)
		memcpy(message + 2 + login.length, password.data, password.length);
	client_auth_message(client, "AUTH PLAIN ", slice_of(message, 2 + login.length + password.length));
	explicit_bzero(message, sizeof(message));
	client_enter(client, CLIENT_AUTH);
}

void
client_auth(struct client *client)
{
	if (client->settings->login.length > ROUTE_LOGIN_MAX || client->settings->password.length > ROUTE_PASSWORD_MAX) {
		client_give_up(client, "4.7.0", "The login is too long");
		return;
	}
	if (client->ehlo.auth_plain) {
		client_auth_plain(client);
		return;
	}
	client_command(client, SLICE("AUTH LOGIN\r\n"));
	client_enter(client, CLIENT_AUTH_LOGIN);
}

void
client_auth_login(struct client *client)
{
	client_auth_message(client, "", client->settings->login);
	client_enter(client, CLIENT_AUTH_NAME);
}

void
client_auth_name(struct client *client)
{
	client_auth_message(client, "", client->settings->password);
	client_enter(client, CLIENT_AUTH);
}

void
client_auth_accepted(struct client *client)
{
	client->authenticated = true;
	conn_set_secret(client->conn, false);
	client_continue(client);
}

/* Mail waits until the login is put right, rather than being returned to people who can do nothing for it. */
void
client_auth_refused(struct client *client)
{
	struct client_result result;

	client->in_step = true;
	client_result_set(&result, RELAY_TEMPORARY, "4.7.0", client->reply.text);
	client_end_session(client, &result);
}
