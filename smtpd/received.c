/*
 * The header fields that this server writes. Dates are in UTC: a worker sees no time zone files.
 */
#include "smtpd/received.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/io/tls.h"
#include "common/mail/address.h"
#include "common/mail/date.h"
#include "common/mail/queueid.h"

enum { TLS_CLAUSE_SIZE = 160 };

/* The protocol's name (RFC 3848; RFC 6531 4.3). HELO has none for TLS or AUTH. */
static const char *
protocol_name(const struct received *received)
{
	static const char *const names[2][4] = {
		{ "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA" },
		{ "UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA" },
	};

	if (!received->extended)
		return "SMTP";
	return names[received->utf8][(received->tls != NULL ? 1 : 0) + (received->authenticated ? 2 : 0)];
}

/* "tls" with the registered names of cipher and group (RFC 8314 4.3), and for people the version and the length of the key. */
static void
format_tls_clause(const struct tls_info *tls, char *out, size_t size)
{
	out[0] = '\0';
	if (tls == NULL)
		return;
	snprintf(out, size, "\r\n\ttls %s%s%s (%s, %d bits)", tls->cipher, tls->group == NULL ? "" : " group ",
	         tls->group == NULL ? "" : tls->group, tls->version, tls->bits);
}

/* Where it came from. A user of this host has no address; what programs say in EHLO tells nothing of him. */
static int
append_from(const struct received *received, struct buffer *out)
{
	bool ipv6 = slice_find(slice_from_string(received->client), ':') < strlen(received->client);

	if (received->local)
		return buffer_printf(out, "Received: from local user (%s)", received->client);
	return buffer_printf(out, "Received: from %s ([%s%s])", received->helo, ipv6 ? "IPv6:" : "", received->client);
}

int
received_append(const struct received *received, struct buffer *out)
{
	char id[QUEUEID_SIZE];
	char date[DATE_SIZE];
	char recipient[2 * ADDRESS_MAX + 4] = "";
	char tls[TLS_CLAUSE_SIZE];
	int error;

	queueid_format(received->queue_id, id);
	date_format_utc(received->when, date);
	format_tls_clause(received->tls, tls, sizeof(tls));
	if (received->recipient.length > 0)
		address_format_quoted(received->recipient, recipient, sizeof(recipient));
	error = append_from(received, out);
	if (error != 0)
		return error;
	return buffer_printf(out, "\r\n\tby %s with %s id %s%s%s%s%s; %s\r\n", received->hostname, protocol_name(received), id,
	                     recipient[0] == '\0' ? "" : "\r\n\tfor <", recipient, recipient[0] == '\0' ? "" : ">", tls, date);
}

int
received_append_date(int64_t when, struct buffer *out)
{
	char date[DATE_SIZE];

	date_format_utc(when, date);
	return buffer_printf(out, "Date: %s\r\n", date);
}

int
received_append_message_id(uint64_t queue_id, int64_t when, const char *hostname, struct buffer *out)
{
	char id[QUEUEID_SIZE];

	/*
	 * A queue id is unique on this host as long as its queue lives; with the time it stays so when the
	 * queue is made anew.
	 */
	queueid_format(queue_id, id);
	return buffer_printf(out, "Message-ID: <%" PRId64 ".%s@%s>\r\n", when, id, hostname);
}
