/*
 * The part of a report that people read: what happened to which address, what was said, and what can be done about it.
 */
#include <stdio.h>

#include "queued/report_writer.h"

static const char *const introductions[] = {
	[REPORT_FAILURE] = "Your message could not be delivered to the addresses below, and will not be tried again. "
	                   "It is returned at the end of this report, in whole or in part.",
	[REPORT_DELAY] = "THIS IS ONLY A WARNING: your message could not yet be delivered to the addresses below. It goes on being tried, "
	                 "and you need not send it again.",
	[REPORT_SUCCESS] = "You asked to be told what became of your message.",
	[REPORT_DOUBLE] = "A message without a sender, most likely a report such as this one, could not be delivered. As nobody else can "
	                  "be told, it is returned to you, the postmaster, at the end of this report, in whole or in part.",
};

/* What a status means for the one who reads it, by its subject and detail (RFC 3463 3): the first that the code begins with. */
static const struct advice {
	const char *status; /* behind the class; one that ends with a dot stands for all details */
	const char *words;
} advices[] = {
	{ "1.1", "There is no such address. Please check how it is written." },
	{ "1.2", "There is no such domain, or it has no mail system. Please check what stands behind the \"@\"." },
	{ "1.10", "The domain says that it takes no mail at all. Please check what stands behind the \"@\"." },
	{ "1.", "The address was not accepted. Please check how it is written." },
	{ "2.1", "The mailbox does not take mail at present. You may want to reach its owner in another way." },
	{ "2.2", "The mailbox is full. You may want to reach its owner in another way, or try again later." },
	{ "2.3", "The message is too large for the mailbox. You may want to send a smaller one, or to pass on files in another way." },
	{ "3.4", "The message is too large for that system. You may want to send a smaller one, or to pass on files in another way." },
	{ "4.4", "There is no way to that domain for mail. Please check what stands behind the \"@\"." },
	{ "4.6", "The message would go round in circles. Please tell the postmaster of that domain." },
	{ "4.", "The mail system of that address could not be reached, or did not answer in time." },
	{ "6.", "The mail system of that address cannot take a message of this kind. You may want to send it without special characters or "
	        "in another format." },
	{ "7.", "The message was refused by the rules of that mail system. If you think that this is a mistake, please ask its postmaster, "
	        "and quote what it said." },
};

static void
put_advice(struct report_writer *writer, struct slice status)
{
	struct slice detail = slice_from(status, 2);

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		struct slice key = slice_from_string(advices[i].status);
		bool all = key.data[key.length - 1] == '.';

		if (all ? slice_starts_nocase(detail, key) : slice_equal(detail, key)) {
			report_put_paragraph(writer, "    ", slice_from_string(advices[i].words));
			return;
		}
	}
}

/* Somebody's words: quoted, and with the status. */
static void
put_words(struct report_writer *writer, const struct report_recipient *recipient)
{
	if (recipient->text.length > 0)
		report_put_paragraph(writer, "    > ", recipient->text);
	report_put(writer, "    (status ");
	report_put_text(writer, recipient->status);
	report_put(writer, ")\r\n");
}

/* "HOST" or "This system", and what it did. */
static void
put_actor(struct report_writer *writer, const struct report_recipient *recipient, const char *did)
{
	report_put(writer, "    ");
	if (recipient->remote.length > 0)
		report_put_text(writer, recipient->remote);
	else
		report_put(writer, "This system");
	report_put(writer, did);
	report_put(writer, "\r\n");
}

static void
put_duration(struct report_writer *writer, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 24 * 3600, "days" }, { 3600, "hours" }, { 60, "minutes" }, { 1, "seconds" } };
	char text[40];
	size_t unit = 0;

	while (unit < 3 && seconds < 2 * units[unit].seconds)
		unit++;
	snprintf(text, sizeof(text), "%lld %s", (long long)(seconds / units[unit].seconds), units[unit].name);
	report_put(writer, text);
}

static void
put_failed(struct report_writer *writer, const struct report_recipient *recipient)
{
	put_actor(writer, recipient, recipient->remote.length > 0 ? " refused the message:" : " cannot deliver the message:");
	put_words(writer, recipient);
	put_advice(writer, recipient->status);
}

static void
put_expired(struct report_writer *writer, const struct report_recipient *recipient)
{
	report_put(writer, "    Given up after attempts over ");
	put_duration(writer, writer->report->now - writer->report->arrival);
	report_put(writer, ". The last one ended with this:\r\n");
	put_actor(writer, recipient, recipient->remote.length > 0 ? " said:" : " noticed:");
	put_words(writer, recipient);
	put_advice(writer, recipient->status);
}

static void
put_delayed(struct report_writer *writer, const struct report_recipient *recipient)
{
	put_actor(writer, recipient, recipient->remote.length > 0 ? " does not take the message now:" : " cannot deliver the message now:");
	put_words(writer, recipient);
	put_advice(writer, recipient->status);
}

static void
put_delivered(struct report_writer *writer, const struct report_recipient *recipient)
{
	(void)recipient;
	report_put(writer, "    The message was delivered.\r\n");
}

/* RFC 3461 6.2: with this the sender knows why nothing more comes. */
static void
put_relayed(struct report_writer *writer, const struct report_recipient *recipient)
{
	put_actor(writer, recipient, " has taken the message.");
	report_put_paragraph(writer, "    ", SLICE("That host sends no reports of success, so nothing more will be heard of it."));
}

static void
put_expanded(struct report_writer *writer, const struct report_recipient *recipient)
{
	(void)recipient;
	report_put_paragraph(writer, "    ", SLICE("This address stands for several others, to which the message was passed on. There "
	                                           "will be no reports of success from them."));
}

static void (*const actions[])(struct report_writer *, const struct report_recipient *) = {
	[REPORT_FAILED] = put_failed,
	[REPORT_EXPIRED] = put_expired,
	[REPORT_DELAYED] = put_delayed,
	[REPORT_DELIVERED] = put_delivered,
	[REPORT_RELAYED] = put_relayed,
	[REPORT_EXPANDED] = put_expanded,
};

static void
put_recipient(struct report_writer *writer, const struct report_recipient *recipient)
{
	report_put(writer, "\r\n<");
	report_put_address(writer, recipient->final);
	report_put(writer, ">");
	if (recipient->via.length > 0) {
		report_put(writer, ", to which leads <");
		report_put_address(writer, recipient->via);
		report_put(writer, ">");
	}
	report_put(writer, ":\r\n");
	actions[recipient->action](writer, recipient);
}

void
report_put_for_people(struct report_writer *writer)
{
	const struct report *report = writer->report;

	report_put(writer, "This is the mail system at ");
	report_put(writer, report->hostname);
	report_put(writer, ".\r\n\r\n");
	report_put_paragraph(writer, "", slice_from_string(introductions[report->kind]));
	if (report->kind == REPORT_DELAY) {
		report_put(writer, "\r\nIt will be returned to you if it cannot be delivered until\r\n    ");
		report_put_date(writer, report->until);
		report_put(writer, "\r\n");
	}
	for (size_t i = 0; i < report->recipient_count; i++)
		put_recipient(writer, &report->recipients[i]);
	report_put(writer, "\r\nThe message was accepted on ");
	report_put_date(writer, report->arrival);
	report_put(writer, "\r\nand has the number ");
	report_put(writer, report->original_id);
	report_put(writer, " here.\r\n");
	if (report->kind != REPORT_DOUBLE)
		report_put(writer, "If you need help, please send this report to your postmaster.\r\n");
}
