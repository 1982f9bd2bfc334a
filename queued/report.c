/*
 * The text of a report: its header, the part for machines, and what is returned of the message.
 */
#include "queued/report.h"

#include <errno.h>

#include "queued/report_writer.h"

static const char *const subjects[] = {
	[REPORT_FAILURE] = "Undelivered mail returned to sender",
	[REPORT_DELAY] = "Delayed mail (still being tried)",
	[REPORT_SUCCESS] = "Delivery report",
	[REPORT_DOUBLE] = "Undeliverable report returned to postmaster",
};

/* RFC 3464 2.3.3 */
static const char *const actions[] = {
	[REPORT_FAILED] = "failed",       [REPORT_EXPIRED] = "failed",   [REPORT_DELAYED] = "delayed",
	[REPORT_DELIVERED] = "delivered", [REPORT_RELAYED] = "relayed",  [REPORT_EXPANDED] = "expanded",
};

static void
put_field(struct report_writer *writer, const char *name, struct slice value)
{
	report_put(writer, name);
	report_put(writer, ": ");
	report_put_text(writer, value);
	report_put(writer, "\r\n");
}

static void
put_date(struct report_writer *writer, const char *name, int64_t when)
{
	report_put(writer, name);
	report_put(writer, ": ");
	report_put_date(writer, when);
	report_put(writer, "\r\n");
}

/* RFC 5322 3.6.4: whoever sorts by threads puts the report to its message. */
static void
put_thread(struct report_writer *writer)
{
	if (writer->report->message_id.length == 0)
		return;
	put_field(writer, "In-Reply-To", writer->report->message_id);
	put_field(writer, "References", writer->report->message_id);
}

static void
put_header(struct report_writer *writer, bool eight_bit)
{
	const struct report *report = writer->report;

	put_date(writer, "Date", report->now);
	report_put(writer, "From: Mail Delivery System <MAILER-DAEMON@");
	report_put(writer, report->hostname);
	report_put(writer, ">\r\nTo: <");
	report_put_address(writer, report->to);
	report_put(writer, ">\r\nSubject: ");
	report_put(writer, subjects[report->kind]);
	report_put(writer, "\r\nMessage-ID: <");
	report_put(writer, report->id);
	report_put(writer, ".report@");
	report_put(writer, report->hostname);
	report_put(writer, ">\r\n");
	put_thread(writer);
	/* RFC 3834 3.1.7: nobody's vacation message is to answer this. */
	report_put(writer, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	                   "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"");
	report_put(writer, report->boundary);
	report_put(writer, "\"\r\n");
	if (eight_bit)
		report_put(writer, "Content-Transfer-Encoding: 8bit\r\n");
	report_put(writer, "\r\nThis is a message in MIME format.\r\n");
}

static void
put_part(struct report_writer *writer, const char *type)
{
	report_put(writer, "\r\n--");
	report_put(writer, writer->report->boundary);
	report_put(writer, "\r\nContent-Type: ");
	report_put(writer, type);
	report_put(writer, "\r\n");
}

/* ---- for machines ---- */

/* RFC 3464 2.3.2; with bytes above 127 the type is "utf-8" (RFC 6533 3). */
static void
put_final_recipient(struct report_writer *writer, struct slice address)
{
	report_put(writer, report_is_ascii(address) ? "Final-Recipient: rfc822; " : "Final-Recipient: utf-8; ");
	report_put_address(writer, address);
	report_put(writer, "\r\n");
}

/* An address as a literal (RFC 5321 4.1.3), which is how a host without a name is told. */
static void
put_literal(struct report_writer *writer, const char *name, struct slice address)
{
	report_put(writer, name);
	report_put(writer, slice_find(address, ':') < address.length ? ": dns; [IPv6:" : ": dns; [");
	report_put_text(writer, address);
	report_put(writer, "]\r\n");
}

/*
 * RFC 3464 2.3.5. The remote is "NAME [ADDRESS]:PORT", or without the name, or with the address for it. A socket's path is no name that
 * others could know.
 */
static void
put_remote_mta(struct report_writer *writer, struct slice remote)
{
	struct slice name = slice_first(remote, slice_find(remote, ' '));
	struct slice address = slice_from(remote, slice_find(remote, '[') + 1);

	address = slice_first(address, slice_find(address, ']'));
	if (name.length == 0 || name.data[0] == '/')
		return;
	if (name.data[0] == '[' || slice_equal(name, address)) {
		put_literal(writer, "Remote-MTA", address);
		return;
	}
	report_put(writer, "Remote-MTA: dns; ");
	report_put_text(writer, name);
	report_put(writer, "\r\n");
}

/* An SMTP reply begins with its code (RFC 5321 4.2). */
static bool
is_reply(struct slice text)
{
	return text.length > 3 && text.data[0] >= '2' && text.data[0] <= '5' && text.data[1] >= '0' && text.data[1] <= '9' &&
	       text.data[2] >= '0' && text.data[2] <= '9' && (text.data[3] == ' ' || text.data[3] == '-');
}

static void
put_remote(struct report_writer *writer, const struct report_recipient *recipient)
{
	put_remote_mta(writer, recipient->remote);
	if (recipient->text.length == 0 || (recipient->action >= REPORT_DELIVERED && !is_reply(recipient->text)))
		return;
	report_put(writer, recipient->remote.length > 0 && is_reply(recipient->text) ? "Diagnostic-Code: smtp; "
	                                                                              : "Diagnostic-Code: X-Angarium; ");
	report_put_text(writer, recipient->text);
	report_put(writer, "\r\n");
}

/* RFC 3464 2.3 */
static void
put_status_of(struct report_writer *writer, const struct report_recipient *recipient)
{
	report_put(writer, "\r\n");
	if (recipient->original.length > 0)
		put_field(writer, "Original-Recipient", recipient->original);
	put_final_recipient(writer, recipient->final);
	put_field(writer, "Action", slice_from_string(actions[recipient->action]));
	/* RFC 3463 3.5: X.4.7 says that the delivery time expired. */
	put_field(writer, "Status", recipient->action == REPORT_EXPIRED ? SLICE("4.4.7") : recipient->status);
	put_remote(writer, recipient);
	put_date(writer, "Last-Attempt-Date", writer->report->now);
	if (recipient->action == REPORT_DELAYED)
		put_date(writer, "Will-Retry-Until", writer->report->until);
}

/* RFC 3464 2.2 */
static void
put_for_machines(struct report_writer *writer)
{
	const struct report *report = writer->report;

	put_part(writer, writer->utf8 ? "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit" : "message/delivery-status");
	report_put(writer, "\r\n");
	if (report->envid.length > 0)
		put_field(writer, "Original-Envelope-Id", report->envid);
	report_put(writer, "Reporting-MTA: dns; ");
	report_put(writer, report->hostname);
	report_put(writer, "\r\n");
	if (report->client.length > 0 && !slice_equal(report->client, SLICE("local")))
		put_literal(writer, "Received-From-MTA", report->client);
	put_date(writer, "Arrival-Date", report->arrival);
	report_put(writer, "X-Angarium-Queue-ID: ");
	report_put(writer, report->original_id);
	report_put(writer, "\r\n");
	for (size_t i = 0; i < report->recipient_count; i++)
		put_status_of(writer, &report->recipients[i]);
}

/* ---- the message ---- */

/* RFC 6522 3; RFC 6533 5 */
static void
put_returned(struct report_writer *writer)
{
	const struct report *report = writer->report;
	bool full = report->returned == REPORT_FULL;

	if (writer->utf8 || report->global)
		put_part(writer, full ? "message/global" : "message/global-headers");
	else
		put_part(writer, full ? "message/rfc822" : "text/rfc822-headers");
	if (!report_is_ascii(report->content))
		report_put(writer, "Content-Transfer-Encoding: 8bit\r\n");
	report_put(writer, "\r\n");
	report_put_slice(writer, report->content);
	report_put(writer, "\r\n--");
	report_put(writer, report->boundary);
	report_put(writer, "--\r\n");
}

static bool
addresses_are_ascii(const struct report *report)
{
	if (!report_is_ascii(report->to))
		return false;
	for (size_t i = 0; i < report->recipient_count; i++) {
		const struct report_recipient *recipient = &report->recipients[i];

		if (!report_is_ascii(recipient->final) || !report_is_ascii(recipient->via) || !report_is_ascii(recipient->original))
			return false;
	}
	return true;
}

int
report_compose(const struct report *report, struct buffer *out, struct report_traits *traits_r)
{
	struct report_writer writer = { .report = report, .out = out, .utf8 = !addresses_are_ascii(report) };
	bool eight_bit = writer.utf8 || !report_is_ascii(report->content);

	put_header(&writer, eight_bit);
	put_part(&writer, writer.utf8 ? "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit" : "text/plain; charset=us-ascii");
	report_put(&writer, "\r\n");
	report_put_for_people(&writer);
	put_for_machines(&writer);
	put_returned(&writer);
	*traits_r = (struct report_traits){ .eight_bit = eight_bit, .utf8 = !report_is_ascii(report->to) };
	return writer.error;
}
