/*
 * The header fields that this server writes. Dates are in UTC: a worker sees no time zone files.
 */
#include "smtpd/received.h"

#include <inttypes.h>

#include "common/mail/address.h"
#include "common/mail/date.h"
#include "common/mail/queueid.h"

/* The protocol's name (RFC 3848; RFC 6531 4.3). */
static const char *
protocol_name(const struct received *received)
{
	if (!received->extended)
		return "SMTP";
	return received->utf8 ? "UTF8SMTP" : "ESMTP";
}

int
received_append(const struct received *received, struct buffer *out)
{
	bool ipv6 = slice_find(slice_from_string(received->client), ':') < strlen(received->client);
	char id[QUEUEID_SIZE];
	char date[DATE_SIZE];
	char recipient[2 * ADDRESS_MAX + 4] = "";

	queueid_format(received->queue_id, id);
	date_format_utc(received->when, date);
	if (received->recipient.length > 0)
		address_format_quoted(received->recipient, recipient, sizeof(recipient));
	return buffer_printf(out, "Received: from %s ([%s%s])\r\n\tby %s with %s id %s%s%s%s; %s\r\n", received->helo,
	                     ipv6 ? "IPv6:" : "", received->client, received->hostname, protocol_name(received), id,
	                     recipient[0] == '\0' ? "" : "\r\n\tfor <", recipient, recipient[0] == '\0' ? "" : ">", date);
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
