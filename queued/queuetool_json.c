/*
 * queuetool: messages as JSON (RFC 8259). Times are seconds since 1970.
 */
#include "common/base/json.h"
#include "common/mail/queueid.h"
#include "queued/queuetool.h"

void
tool_json_member(const char *name, struct slice text)
{
	printf(", \"%s\": ", name);
	json_string(stdout, text);
}

void
tool_json_entry(const struct queue_entry *entry)
{
	struct wire_reader addresses = entry->addresses;
	char id[QUEUEID_SIZE];

	queueid_format(entry->id, id);
	printf("\"id\": \"%s\", \"arrival\": %jd, \"size\": %ju, \"state\": \"%s\"", id, (intmax_t)entry->arrival, (uintmax_t)entry->size,
	       tool_state(entry->state));
	tool_json_member("sender", entry->sender);
	printf(", \"recipients\": %u, \"recipients_left\": %u, \"left\": [", (unsigned)entry->recipients, (unsigned)entry->left);
	for (uint32_t i = 0; i < entry->count; i++) {
		fputs(i == 0 ? "" : ", ", stdout);
		json_string(stdout, wire_get_slice(&addresses));
	}
	printf("], \"attempts\": %u, \"next_attempt\": ", (unsigned)entry->attempts);
	if (entry->next == 0)
		fputs("null", stdout);
	else
		printf("%jd", (intmax_t)entry->next);
	tool_json_member("status", entry->status);
	tool_json_member("reason", entry->text);
	tool_json_member("remote", entry->remote);
}
