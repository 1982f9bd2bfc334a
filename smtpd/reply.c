/*
 * Everything that the server says.
 */
#include "smtpd/reply.h"

#include <inttypes.h>

#include "common/io/conn.h"
#include "common/mail/queueid.h"

#define LINE(text) { text "\r\n", sizeof(text "\r\n") - 1 }

static const struct slice lines[REPLY_COUNT] = {
	[REPLY_NONE] = { "", 0 },

	[REPLY_OK] = LINE("250 2.0.0 Ok"),
	[REPLY_AUTH_OK] = LINE("235 2.7.0 Authenticated"),
	[REPLY_SENDER_OK] = LINE("250 2.1.0 Sender ok"),
	[REPLY_RECIPIENT_OK] = LINE("250 2.1.5 Recipient ok"),
	[REPLY_CHUNK_OK] = LINE("250 2.0.0 Chunk received"),
	[REPLY_VERIFY] = LINE("252 2.5.2 Cannot verify the user here; send, and it will be tried"),
	[REPLY_HELP] = LINE("214 2.0.0 Commands: EHLO HELO STARTTLS MAIL RCPT DATA BDAT RSET VRFY EXPN NOOP HELP QUIT (RFC 5321)"),
	[REPLY_GO_ON] = LINE("354 Send the message; end with <CRLF>.<CRLF>"),
	[REPLY_START_TLS] = LINE("220 2.0.0 Ready to start TLS"),
	[REPLY_BYE] = LINE("221 2.0.0 Bye"),

	[REPLY_UNKNOWN_COMMAND] = LINE("500 5.5.2 Unknown command"),
	[REPLY_NOT_IMPLEMENTED] = LINE("502 5.5.1 Command not implemented"),
	[REPLY_LINE_TOO_LONG] = LINE("500 5.5.6 Line too long"),
	[REPLY_BARE_LF] = LINE("500 5.5.2 A line must end with CRLF; a bare LF does not end it (RFC 5321 2.3.8)"),
	[REPLY_CONTROL] = LINE("500 5.5.2 Control characters are not allowed in a command"),
	[REPLY_COMMAND_NOT_ASCII] = LINE("500 5.5.2 Bytes above 127 are not allowed in this command"),
	[REPLY_ARGUMENTS] = LINE("501 5.5.4 Wrong arguments"),
	[REPLY_HELLO_SYNTAX] = LINE("501 5.5.4 Your domain name or address literal, please"),
	[REPLY_SENDER_SYNTAX] = LINE("501 5.1.7 Syntax: MAIL FROM:<address>"),
	[REPLY_RECIPIENT_SYNTAX] = LINE("501 5.1.3 Syntax: RCPT TO:<address>"),
	[REPLY_SENDER_NOT_ASCII] = LINE("553 5.6.7 An address with bytes above 127 must be UTF-8, and needs SMTPUTF8"),
	[REPLY_RECIPIENT_NOT_ASCII] = LINE("553 5.6.7 An address with bytes above 127 must be UTF-8, and needs SMTPUTF8"),
	[REPLY_PARAMETER_SYNTAX] = LINE("501 5.5.4 Malformed parameter"),
	[REPLY_PARAMETER_UNKNOWN] = LINE("555 5.5.4 Unknown parameter"),
	[REPLY_PARAMETER_NOT_ASCII] = LINE("555 5.6.7 A parameter with bytes above 127 must be UTF-8, and needs SMTPUTF8"),
	[REPLY_CHUNK_SYNTAX] = LINE("501 5.5.4 Syntax: BDAT size [LAST]; where the chunk ends is unknown, closing"),
	[REPLY_HELLO_FIRST] = LINE("503 5.5.1 EHLO or HELO first"),
	[REPLY_MAIL_FIRST] = LINE("503 5.5.1 MAIL first"),
	[REPLY_RECIPIENT_FIRST] = LINE("503 5.5.1 RCPT first"),
	[REPLY_NESTED_MAIL] = LINE("503 5.5.1 A mail transaction is open already"),
	[REPLY_IN_CHUNKS] = LINE("503 5.5.1 The message has begun with BDAT; go on so, or RSET"),
	[REPLY_ALREADY_TLS] = LINE("503 5.5.1 TLS is active already"),
	[REPLY_BINARY_DATA] = LINE("503 5.5.1 BODY=BINARYMIME needs BDAT"),

	[REPLY_AUTH_TWICE] = LINE("503 5.5.1 You are authenticated already"),
	[REPLY_AUTH_UNKNOWN] = LINE("504 5.5.4 There is no such mechanism; EHLO lists them"),
	[REPLY_AUTH_MALFORMED] = LINE("501 5.5.2 That is no message of the mechanism"),

	[REPLY_AUTH_FAILED] = LINE("535 5.7.8 Wrong user name or password"),
	[REPLY_AUTH_CANCELLED] = LINE("501 5.7.0 Cancelled"),
	[REPLY_AUTH_NEEDS_TLS] = LINE("538 5.7.11 A password is taken over TLS only; STARTTLS comes first"),
	[REPLY_AUTH_REQUIRED] = LINE("530 5.7.0 Authenticate first"),
	[REPLY_SENDER_NOT_YOURS] = LINE("553 5.7.1 You may send as your own addresses only, and this is none of them"),
	[REPLY_FROM_NOT_YOURS] = LINE("550 5.7.1 You may write as your own addresses only; From: names another"),
	[REPLY_FROM_MALFORMED] = LINE("550 5.7.1 The From: field cannot be checked: it is malformed, too long, or there twice"),
	[REPLY_EXPAND] = LINE("550 5.7.2 Lists are not expanded"),
	[REPLY_NO_RECIPIENTS] = LINE("554 5.5.1 No valid recipients"),
	[REPLY_NO_MAILBOX] = LINE("550 5.1.1 No such mailbox"),
	[REPLY_DISABLED] = LINE("550 5.2.1 The mailbox is disabled"),
	[REPLY_ALIAS_LOOP] = LINE("550 5.4.6 The aliases of this address lead in a circle"),
	[REPLY_RELAY_DENIED] = LINE("550 5.7.1 Not one of our domains, and you may not relay"),
	[REPLY_TOO_BIG] = LINE("552 5.3.4 The message is over the size limit"),
	[REPLY_TOO_MANY_HOPS] = LINE("554 5.4.6 Too many hops: the message has gone in circles"),
	[REPLY_BARE_LINE_END] = LINE("550 5.6.0 The message has a bare CR or LF (RFC 5321 2.3.8)"),
	[REPLY_NUL] = LINE("550 5.6.0 The message has a NUL byte"),
	[REPLY_UNCONVERTIBLE] = LINE("554 5.6.3 Binary content is taken only in sound MIME parts that have "
	                             "Content-Transfer-Encoding: binary"),

	[REPLY_AUTH_TEMPORARY] = LINE("454 4.7.0 Authentication is not possible now; try again later"),
	[REPLY_TOO_MANY_RECIPIENTS] = LINE("452 4.5.3 Too many recipients"),
	[REPLY_MESSAGE_RATE] = LINE("450 4.7.1 Too many messages from your address; try again later"),
	[REPLY_RECIPIENT_RATE] = LINE("450 4.7.1 Too many recipients from your address; try again later"),
	[REPLY_LOOKUP_FAILED] = LINE("451 4.3.0 The address cannot be looked up now; try again later"),
	[REPLY_QUEUE_FAILED] = LINE("451 4.3.0 The queue does not take mail now; try again later"),
	[REPLY_NO_SPACE] = LINE("452 4.3.1 No space for the message; try again later"),
	[REPLY_TLS_UNAVAILABLE] = LINE("454 4.7.0 TLS is not available now; try again later"),
	[REPLY_MEMORY_FULL] = LINE("452 4.3.1 Too many messages are under way; try again later"),
	[REPLY_NO_MEMORY] = LINE("451 4.3.0 No memory; try again later"),

	[REPLY_TIMEOUT] = LINE("421 4.4.2 Timeout, closing"),
	[REPLY_TOO_MANY_ERRORS] = LINE("421 4.7.0 Too many errors, closing"),
	[REPLY_TOO_MANY_SESSIONS] = LINE("421 4.7.0 Too many sessions; try again later"),
	[REPLY_SHUTDOWN] = LINE("421 4.3.2 The service is shutting down"),
};

struct slice
reply_line(enum reply reply)
{
	return lines[reply];
}

struct slice
reply_text(enum reply reply)
{
	return slice_first(lines[reply], lines[reply].length - 2);
}

int
reply_send(struct conn *conn, enum reply reply)
{
	return conn_write(conn, lines[reply].data, lines[reply].length);
}

int
reply_greeting(struct conn *conn, const char *hostname)
{
	return conn_printf(conn, "220 %s ESMTP Angarium\r\n", hostname);
}

int
reply_helo(struct conn *conn, const char *hostname)
{
	return conn_printf(conn, "250 %s\r\n", hostname);
}

int
reply_challenge(struct conn *conn, const char *challenge)
{
	return conn_printf(conn, "334 %s\r\n", challenge);
}

int
reply_ehlo(struct conn *conn, const char *hostname, const struct reply_extensions *extensions)
{
	const char *mechanisms = extensions->mechanisms;
	bool auth = mechanisms[0] != '\0';

	/*
	 * LIMITS (RFC 9422) says what is limited: recipients. MAILMAX is left out because a session may send
	 * any number of messages.
	 */
	return conn_printf(conn,
	                   "250-%s\r\n"
	                   "250-PIPELINING\r\n"
	                   "250-SIZE %" PRIu64 "\r\n"
	                   "250-8BITMIME\r\n"
	                   "250-ENHANCEDSTATUSCODES\r\n"
	                   "250-SMTPUTF8\r\n"
	                   "250-CHUNKING\r\n"
	                   "250-BINARYMIME\r\n"
	                   "250-DSN\r\n"
	                   "250-LIMITS RCPTMAX=%" PRIu32 "\r\n"
	                   "%s%s%s%s"
	                   "250 HELP\r\n",
	                   hostname, extensions->size_limit, extensions->recipients_limit,
	                   extensions->starttls ? "250-STARTTLS\r\n" : "", auth ? "250-AUTH " : "", mechanisms, auth ? "\r\n" : "");
}

int
reply_queued(struct conn *conn, uint64_t queue_id)
{
	char id[QUEUEID_SIZE];

	queueid_format(queue_id, id);
	return conn_printf(conn, "250 2.0.0 Ok: queued as %s\r\n", id);
}
