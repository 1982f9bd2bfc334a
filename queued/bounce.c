/*
 * The text of a bounce. A pure function from what failed to a message.
 */
#include "queued/bounce.h"

#include <errno.h>

#include "common/mail/address.h"
#include "common/mail/date.h"

struct composer {
	const struct bounce *bounce;
	struct buffer *out;
	int error; /* of the first append that failed */
	bool eight_bit;
	bool utf8;
};

static bool
is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.length; i++)
		if ((unsigned char)s.data[i] > 127)
			return false;
	return true;
}

static void
put_slice(struct composer *composer, struct slice s)
{
	if (composer->error == 0)
		composer->error = buffer_append_slice(composer->out, s);
}

static void
put(struct composer *composer, const char *text)
{
	put_slice(composer, slice_from_string(text));
}

/* Text of unknown origin in a place that must be ASCII unless the whole bounce is in UTF-8. */
static void
put_text(struct composer *composer, struct slice text)
{
	char *room;

	if (composer->utf8 || is_ascii(text)) {
		put_slice(composer, text);
		return;
	}
	if (composer->error == 0)
		composer->error = buffer_reserve(composer->out, text.length, &room);
	if (composer->error != 0)
		return;
	for (size_t i = 0; i < text.length; i++)
		room[i] = (unsigned char)text.data[i] > 127 ? '?' : text.data[i];
	buffer_commit(composer->out, text.length);
}

static void
put_field(struct composer *composer, const char *name, struct slice value)
{
	put(composer, name);
	put(composer, ": ");
	put_text(composer, value);
	put(composer, "\r\n");
}

static void
put_date(struct composer *composer, const char *name, int64_t when)
{
	char date[DATE_SIZE];

	date_format_utc(when, date);
	put_field(composer, name, slice_from_string(date));
}

static void
put_address(struct composer *composer, struct slice address)
{
	char quoted[2 * ADDRESS_MAX + 4];

	address_format_quoted(address, quoted, sizeof(quoted));
	put_text(composer, slice_from_string(quoted));
}

/* RFC 3464 2.3.2; with bytes above 127 the type is "utf-8" (RFC 6533 3). */
static void
put_typed_address(struct composer *composer, const char *name, struct slice address)
{
	put(composer, name);
	put(composer, is_ascii(address) ? ": rfc822; " : ": utf-8; ");
	put_address(composer, address);
	put(composer, "\r\n");
}

static void
put_header(struct composer *composer)
{
	const struct bounce *bounce = composer->bounce;

	put_date(composer, "Date", bounce->now);
	put(composer, "From: Mail Delivery System <MAILER-DAEMON@");
	put(composer, bounce->hostname);
	put(composer, ">\r\nTo: <");
	put_address(composer, bounce->sender);
	put(composer, ">\r\nSubject: Undelivered mail returned to sender\r\nMessage-ID: <");
	put(composer, bounce->id);
	put(composer, ".bounce@");
	put(composer, bounce->hostname);
	/* RFC 3834 3.1.7: nobody's vacation message is to answer this. */
	put(composer, ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	              "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"");
	put(composer, bounce->boundary);
	put(composer, "\"\r\n");
	if (composer->eight_bit)
		put(composer, "Content-Transfer-Encoding: 8bit\r\n");
	put(composer, "\r\nThis is a message in MIME format.\r\n");
}

static void
put_part(struct composer *composer, const char *type)
{
	put(composer, "\r\n--");
	put(composer, composer->bounce->boundary);
	put(composer, "\r\nContent-Type: ");
	put(composer, type);
	put(composer, "\r\n");
}

static void
put_for_people(struct composer *composer)
{
	const struct bounce *bounce = composer->bounce;

	put_part(composer, composer->utf8 ? "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
	                                  : "text/plain; charset=us-ascii");
	put(composer, "\r\nThis is the mail system at ");
	put(composer, bounce->hostname);
	put(composer, ".\r\n\r\nYour message could not be delivered to one or more recipients. It is attached\r\n"
	              "below, in whole or in part. If you need help, please send this report to\r\n"
	              "your postmaster, without the attached message if you like.\r\n\r\n");
	for (size_t i = 0; i < bounce->recipient_count; i++) {
		const struct bounce_recipient *recipient = &bounce->recipients[i];

		put(composer, "<");
		put_address(composer, recipient->final);
		put(composer, ">:\r\n    ");
		if (recipient->expired)
			put(composer, "given up after many attempts; the last one said:\r\n    ");
		put_text(composer, recipient->text);
		put(composer, " (");
		put_slice(composer, recipient->status);
		put(composer, ")\r\n");
	}
}

/* RFC 3464 2.3 */
static void
put_status_of(struct composer *composer, const struct bounce_recipient *recipient)
{
	put(composer, "\r\n");
	if (recipient->original.length > 0)
		put_field(composer, "Original-Recipient", recipient->original);
	put_typed_address(composer, "Final-Recipient", recipient->final);
	put_field(composer, "Action", SLICE("failed"));
	put_field(composer, "Status", recipient->status);
	put(composer, "Diagnostic-Code: X-Angarium; ");
	put_text(composer, recipient->text);
	put(composer, "\r\n");
	put_date(composer, "Last-Attempt-Date", composer->bounce->now);
}

/* RFC 3464 2.2 */
static void
put_for_machines(struct composer *composer)
{
	const struct bounce *bounce = composer->bounce;

	put_part(composer, composer->utf8 ? "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit"
	                                  : "message/delivery-status");
	put(composer, "\r\n");
	if (bounce->envid.length > 0)
		put_field(composer, "Original-Envelope-Id", bounce->envid);
	put(composer, "Reporting-MTA: dns; ");
	put(composer, bounce->hostname);
	put(composer, "\r\nX-Angarium-Queue-ID: ");
	put(composer, bounce->message_id);
	put(composer, "\r\n");
	put_date(composer, "Arrival-Date", bounce->arrival);
	for (size_t i = 0; i < bounce->recipient_count; i++)
		put_status_of(composer, &bounce->recipients[i]);
}

/* RFC 6522 3; RFC 6533 4 */
static void
put_returned(struct composer *composer)
{
	bool full = composer->bounce->returned == BOUNCE_FULL;

	if (composer->utf8)
		put_part(composer, full ? "message/global" : "message/global-headers");
	else
		put_part(composer, full ? "message/rfc822" : "text/rfc822-headers");
	if (composer->eight_bit)
		put(composer, "Content-Transfer-Encoding: 8bit\r\n");
	put(composer, "\r\n");
	put_slice(composer, composer->bounce->content);
	put(composer, "\r\n--");
	put(composer, composer->bounce->boundary);
	put(composer, "--\r\n");
}

static bool
addresses_are_ascii(const struct bounce *bounce)
{
	if (!is_ascii(bounce->sender))
		return false;
	for (size_t i = 0; i < bounce->recipient_count; i++)
		if (!is_ascii(bounce->recipients[i].final) || !is_ascii(bounce->recipients[i].original))
			return false;
	return true;
}

int
bounce_compose(const struct bounce *bounce, struct buffer *out, struct bounce_traits *traits_r)
{
	struct composer composer = { .bounce = bounce, .out = out };

	composer.utf8 = !addresses_are_ascii(bounce);
	composer.eight_bit = composer.utf8 || !is_ascii(bounce->content);
	put_header(&composer);
	put_for_people(&composer);
	put_for_machines(&composer);
	put_returned(&composer);
	*traits_r = (struct bounce_traits){ .eight_bit = composer.eight_bit, .utf8 = composer.utf8 };
	return composer.error;
}
