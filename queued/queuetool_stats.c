/*
 * queuetool stats: totals, and destinations, those with most to do first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/ipc/call.h"
#include "queued/queuetool.h"

struct stats {
	struct queue_totals totals;
	struct queue_destination *list; /* with copies of their texts */
	size_t count;
	size_t size;
};

static int
copy_text(struct slice *text)
{
	char *copy = malloc(text->length + 1);

	if (copy == NULL)
		return -ENOMEM;
	if (text->length > 0)
		memcpy(copy, text->data, text->length);
	text->data = copy;
	return 0;
}

static int
stats_add(struct stats *stats, struct queue_destination destination)
{
	int error;

	if (stats->count == stats->size) {
		size_t size = stats->size == 0 ? 64 : stats->size * 2;
		struct queue_destination *list = reallocarray(stats->list, size, sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		stats->list = list;
		stats->size = size;
	}
	error = copy_text(&destination.name);
	if (error == 0)
		error = copy_text(&destination.text);
	if (error == 0)
		stats->list[stats->count++] = destination;
	return error;
}

static int
stats_frame(void *context, const struct wire_header *header, struct slice payload)
{
	struct wire_reader reader = wire_read(payload);
	struct queue_destination destination;
	struct stats *stats = context;

	if (header->type == QUEUE_TOTALS)
		return queue_totals_get(&reader, &stats->totals) ? 0 : -EPROTO;
	if (header->type != QUEUE_DESTINATION || !queue_destination_get(&reader, &destination))
		return -EPROTO;
	return stats_add(stats, destination);
}

static int
compare_waiting(const void *a, const void *b)
{
	const struct queue_destination *first = a;
	const struct queue_destination *second = b;

	if (first->waiting != second->waiting)
		return first->waiting > second->waiting ? -1 : 1;
	return first->under_way > second->under_way ? -1 : first->under_way < second->under_way;
}

static void
text_totals(const struct queue_totals *totals)
{
	char size[TOOL_TEXT_SIZE], live[TOOL_TEXT_SIZE], space[TOOL_TEXT_SIZE], age[TOOL_TEXT_SIZE];

	printf("messages:   %ju: %ju active, %ju waiting, %ju held\n", (uintmax_t)totals->messages, (uintmax_t)totals->active,
	       (uintmax_t)totals->waiting, (uintmax_t)totals->held);
	printf("disk:       %ju segments of %s, %s of it live; %s free\n", (uintmax_t)totals->segments,
	       tool_size(totals->segment_bytes, size), tool_size(totals->live_bytes, live), tool_size(totals->free_bytes, space));
	printf("in %s: %ju messages accepted; recipients: %ju delivered, %ju deferred, %ju failed\n",
	       tool_age(clock_wall() - totals->start, age), (uintmax_t)totals->accepted, (uintmax_t)totals->delivered,
	       (uintmax_t)totals->deferred, (uintmax_t)totals->failed);
}

static void
text_destination(const struct queue_destination *destination)
{
	char age[TOOL_TEXT_SIZE];

	printf("%8ju  %8u  %6u  %9ju  %8ju  %6ju  ", (uintmax_t)destination->waiting, (unsigned)destination->under_way,
	       (unsigned)destination->window, (uintmax_t)destination->delivered, (uintmax_t)destination->deferred,
	       (uintmax_t)destination->failed);
	plain_string(stdout, destination->name);
	if (destination->down_until > 0)
		printf("  down for %s", tool_age(destination->down_until - clock_wall(), age));
	if (destination->text.length > 0) {
		fputs("  (", stdout);
		plain_string(stdout, destination->text);
		putchar(')');
	}
	putchar('\n');
}

static void
json_totals(const struct queue_totals *totals)
{
	printf("{\"messages\": %ju, \"active\": %ju, \"waiting\": %ju, \"held\": %ju,\n \"segments\": %ju, \"segment_bytes\": %ju, "
	       "\"live_bytes\": %ju, \"free_bytes\": %ju,\n \"accepted\": %ju, \"delivered\": %ju, \"deferred\": %ju, \"failed\": %ju, "
	       "\"since\": %jd,\n \"destinations\": [",
	       (uintmax_t)totals->messages, (uintmax_t)totals->active, (uintmax_t)totals->waiting, (uintmax_t)totals->held,
	       (uintmax_t)totals->segments, (uintmax_t)totals->segment_bytes, (uintmax_t)totals->live_bytes,
	       (uintmax_t)totals->free_bytes, (uintmax_t)totals->accepted, (uintmax_t)totals->delivered, (uintmax_t)totals->deferred,
	       (uintmax_t)totals->failed, (intmax_t)totals->start);
}

static void
json_destination(const struct queue_destination *destination, bool first)
{
	fputs(first ? "\n  {\"name\": " : ",\n  {\"name\": ", stdout);
	json_string(stdout, destination->name);
	printf(", \"waiting\": %ju, \"under_way\": %u, \"window\": %u, \"delivered\": %ju, \"deferred\": %ju, \"failed\": %ju, "
	       "\"down_until\": ",
	       (uintmax_t)destination->waiting, (unsigned)destination->under_way, (unsigned)destination->window,
	       (uintmax_t)destination->delivered, (uintmax_t)destination->deferred, (uintmax_t)destination->failed);
	if (destination->down_until == 0)
		fputs("null", stdout);
	else
		printf("%jd", (intmax_t)destination->down_until);
	tool_json_member("last_error", destination->text);
	putchar('}');
}

static void
stats_show(const struct stats *stats, bool json)
{
	if (json)
		json_totals(&stats->totals);
	else
		text_totals(&stats->totals);
	if (!json && stats->count > 0)
		puts("\n WAITING  UNDER WAY WINDOW  DELIVERED  DEFERRED  FAILED  DESTINATION");
	for (size_t i = 0; i < stats->count; i++) {
		if (json)
			json_destination(&stats->list[i], i == 0);
		else
			text_destination(&stats->list[i]);
	}
	if (json)
		puts("]}");
}

int
tool_show_stats(struct tool *tool)
{
	struct stats stats = { 0 };
	int error = call_read_file(tool->file, QUEUE_FRAME_MAX, stats_frame, &stats);

	if (error == 0) {
		if (stats.count > 0)
			qsort(stats.list, stats.count, sizeof(stats.list[0]), compare_waiting);
		stats_show(&stats, tool_wants_json(tool));
	}
	for (size_t i = 0; i < stats.count; i++) {
		free((char *)(uintptr_t)stats.list[i].name.data);
		free((char *)(uintptr_t)stats.list[i].text.data);
	}
	free(stats.list);
	return error == 0 ? EX_OK : tool_fail(EX_SOFTWARE, "queued's answer cannot be shown: %s", strerror(-error));
}
