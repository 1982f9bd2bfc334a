/*
 * queuetool show: messages one after the other, each as its entry, envelope, recipients, attempts and content, in that order.
 */
#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/ipc/call.h"
#include "common/mail/date.h"
#include "common/mail/envelope.h"
#include "common/mail/queueid.h"
#include "queued/queuetool.h"

enum { CONTENT_MAX = 1 << 30 }; /* bytes of a message that is shown as one JSON string */

struct show {
	bool json;
	uint64_t messages;
	uint64_t in_section;  /* frames of the present type */
	uint16_t section;     /* their type, or 0 */
	struct buffer content; /* JSON: gathered, since its pieces are cut anywhere */
};

struct flag_name {
	unsigned flag;
	const char *name;
};

static const struct flag_name envelope_flags[] = {
	{ ENVELOPE_8BITMIME, "BODY=8BITMIME" }, { ENVELOPE_BINARYMIME, "BODY=BINARYMIME" }, { ENVELOPE_SMTPUTF8, "SMTPUTF8" },
	{ ENVELOPE_RET_FULL, "RET=FULL" },      { ENVELOPE_RET_HDRS, "RET=HDRS" },          { 0, NULL },
};

static const struct flag_name notify_flags[] = {
	{ ENVELOPE_NOTIFY_NEVER, "never" },     { ENVELOPE_NOTIFY_SUCCESS, "success" },
	{ ENVELOPE_NOTIFY_FAILURE, "failure" }, { ENVELOPE_NOTIFY_DELAY, "delay" },
	{ 0, NULL },
};

static void
print_flags(const struct flag_name *names, unsigned flags, const char *between, const char *quote)
{
	bool first = true;

	for (; names->name != NULL; names++) {
		if ((flags & names->flag) == 0)
			continue;
		printf("%s%s%s%s", first ? "" : between, quote, names->name, quote);
		first = false;
	}
}

/* ---- for people ---- */

static void
text_entry(const struct queue_entry *entry)
{
	char id[QUEUEID_SIZE], date[DATE_SIZE], age[TOOL_TEXT_SIZE], size[TOOL_TEXT_SIZE], next[TOOL_TEXT_SIZE];
	int64_t now = clock_wall();

	queueid_format(entry->id, id);
	date_format(entry->arrival, date);
	printf("message:    %s\nstate:      %s\narrived:    %s, %s ago\nsize:       %s\nsender:     <", id, tool_state(entry->state), date,
	       tool_age(now - entry->arrival, age), tool_size(entry->size, size));
	plain_string(stdout, entry->sender);
	printf(">\nrecipients: %u, %u left\nattempts:   %u\n", (unsigned)entry->recipients, (unsigned)entry->left, (unsigned)entry->attempts);
	if (entry->next > 0)
		printf("next:       %s, in %s\n", tool_time(entry->next, next), tool_age(entry->next - now, age));
	if (entry->text.length > 0) {
		fputs("reason:     ", stdout);
		plain_string(stdout, entry->status);
		putchar(' ');
		plain_string(stdout, entry->text);
		putchar('\n');
	}
}

static void
text_field(const char *name, struct slice value)
{
	if (value.length == 0)
		return;
	fputs(name, stdout);
	plain_string(stdout, value);
	putchar('\n');
}

static void
text_envelope(const struct queue_envelope *envelope)
{
	text_field("client:     ", envelope->client);
	text_field("session:    ", envelope->session);
	text_field("envid:      ", envelope->envid);
	if (envelope->flags != 0) {
		fputs("parameters: ", stdout);
		print_flags(envelope_flags, envelope->flags, " ", "");
		putchar('\n');
	}
}

static void
text_recipient(const struct show *show, const struct queue_recipient *recipient)
{
	if (show->in_section == 0)
		puts("\nRecipients:");
	printf("  %-9s  ", tool_recipient_state(recipient->state));
	plain_string(stdout, recipient->address);
	if (recipient->from != recipient->index)
		printf("  (from recipient %u)", (unsigned)recipient->from + 1);
	if (recipient->orcpt.length > 0) {
		fputs("  ORCPT=", stdout);
		plain_string(stdout, recipient->orcpt);
	}
	if (recipient->notify != 0) {
		fputs("  NOTIFY=", stdout);
		print_flags(notify_flags, recipient->notify, ",", "");
	}
	putchar('\n');
}

static void
text_attempt(const struct show *show, const struct queue_attempt *attempt)
{
	char when[TOOL_TEXT_SIZE];

	if (show->in_section == 0)
		puts("\nAttempts, the latest first:");
	printf("  %s  ", tool_time(attempt->when, when));
	plain_string(stdout, attempt->status);
	putchar(' ');
	if (attempt->remote.length > 0) {
		plain_string(stdout, attempt->remote);
		fputs(": ", stdout);
	}
	plain_string(stdout, attempt->text);
	if (attempt->recipients > 1)
		printf("  (%u recipients)", (unsigned)attempt->recipients);
	putchar('\n');
}

/* ---- JSON ---- */

static void
json_envelope(const struct queue_envelope *envelope)
{
	fputs(", \"parameters\": [", stdout);
	print_flags(envelope_flags, envelope->flags, ", ", "\"");
	putchar(']');
	tool_json_member("client", envelope->client);
	tool_json_member("session", envelope->session);
	tool_json_member("envid", envelope->envid);
}

static void
json_recipient(const struct show *show, const struct queue_recipient *recipient)
{
	printf("%s{\"index\": %u, \"from\": %u, \"state\": \"%s\"", show->in_section == 0 ? "" : ",\n  ", (unsigned)recipient->index,
	       (unsigned)recipient->from, tool_recipient_state(recipient->state));
	tool_json_member("address", recipient->address);
	tool_json_member("orcpt", recipient->orcpt);
	fputs(", \"notify\": [", stdout);
	print_flags(notify_flags, recipient->notify, ", ", "\"");
	fputs("]}", stdout);
}

static void
json_attempt(const struct show *show, const struct queue_attempt *attempt)
{
	printf("%s{\"when\": %jd, \"recipients\": %u", show->in_section == 0 ? "" : ",\n  ", (intmax_t)attempt->when,
	       (unsigned)attempt->recipients);
	tool_json_member("remote", attempt->remote);
	tool_json_member("status", attempt->status);
	tool_json_member("text", attempt->text);
	putchar('}');
}

static void
json_begin_section(uint16_t type)
{
	if (type == QUEUE_RECIPIENT)
		fputs(",\n \"envelope\": [", stdout);
	else if (type == QUEUE_ATTEMPT)
		fputs(",\n \"history\": [", stdout);
	else if (type == QUEUE_CONTENT)
		fputs(",\n \"content\": ", stdout);
}

static void
json_end_section(struct show *show)
{
	if (show->section == QUEUE_RECIPIENT || show->section == QUEUE_ATTEMPT)
		putchar(']');
	if (show->section == QUEUE_CONTENT) {
		json_string(stdout, buffer_slice(&show->content));
		buffer_clear(&show->content);
	}
}

/* ---- frames ---- */

static void
show_section(struct show *show, uint16_t type)
{
	if (show->section != type || type == QUEUE_ENTRY) {
		if (show->json) {
			json_end_section(show);
			json_begin_section(type);
		}
		show->section = type;
		show->in_section = 0;
	}
}

static int
show_entry(struct show *show, struct wire_reader *reader)
{
	struct queue_entry entry;

	if (!queue_entry_get(reader, &entry))
		return -EPROTO;
	if (show->json) {
		fputs(show->messages == 0 ? "[{" : "},\n{", stdout);
		tool_json_entry(&entry);
	} else {
		fputs(show->messages == 0 ? "" : "\n", stdout);
		text_entry(&entry);
	}
	show->messages++;
	return 0;
}

static int
show_envelope(struct show *show, struct wire_reader *reader)
{
	struct queue_envelope envelope;

	if (!queue_envelope_get(reader, &envelope))
		return -EPROTO;
	if (show->json)
		json_envelope(&envelope);
	else
		text_envelope(&envelope);
	return 0;
}

static int
show_recipient(struct show *show, struct wire_reader *reader)
{
	struct queue_recipient recipient;

	if (!queue_recipient_get(reader, &recipient))
		return -EPROTO;
	if (show->json)
		json_recipient(show, &recipient);
	else
		text_recipient(show, &recipient);
	return 0;
}

static int
show_attempt(struct show *show, struct wire_reader *reader)
{
	struct queue_attempt attempt;

	if (!queue_attempt_get(reader, &attempt))
		return -EPROTO;
	if (show->json)
		json_attempt(show, &attempt);
	else
		text_attempt(show, &attempt);
	return 0;
}

static int
show_content(struct show *show, struct wire_reader *reader)
{
	struct slice content = wire_get_slice(reader);

	if (!wire_done(reader))
		return -EPROTO;
	if (show->json)
		return buffer_append_slice(&show->content, content);
	if (show->in_section == 0)
		putchar('\n');
	plain_lines(stdout, content);
	return 0;
}

static int
show_frame(void *context, const struct wire_header *header, struct slice payload)
{
	static int (*const shows[])(struct show *show, struct wire_reader *reader) = {
		[QUEUE_ENTRY] = show_entry,     [QUEUE_ENVELOPE] = show_envelope, [QUEUE_RECIPIENT] = show_recipient,
		[QUEUE_ATTEMPT] = show_attempt, [QUEUE_CONTENT] = show_content,
	};
	struct wire_reader reader = wire_read(payload);
	struct show *show = context;
	int error;

	if (header->type < QUEUE_ENTRY || header->type > QUEUE_CONTENT)
		return -EPROTO;
	show_section(show, header->type);
	error = shows[header->type](show, &reader);
	show->in_section++;
	return error;
}

int
tool_show_messages(struct tool *tool)
{
	struct show show = { .json = tool_wants_json(tool) };
	int error;

	buffer_init(&show.content, CONTENT_MAX);
	error = call_read_file(tool->file, QUEUE_FRAME_MAX, show_frame, &show);
	if (show.json && error == 0) {
		json_end_section(&show);
		fputs(show.messages == 0 ? "[]\n" : "}]\n", stdout);
	}
	buffer_free(&show.content);
	return error == 0 ? EX_OK : tool_fail(EX_SOFTWARE, "queued's answer cannot be shown: %s", strerror(-error));
}
