/*
 * queuetool trace: the events in the life of a message, one in a line; with --json each is an object.
 */
#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "common/base/json.h"
#include "common/ipc/call.h"
#include "queued/queuetool.h"

enum { MILLISECONDS = 1000 }; /* of a second */

static const char *
event_name(enum queue_event event)
{
	static const char *const names[QUEUE_EVENT_END] = {
		[QUEUE_EVENT_ACCEPTED] = "accepted",   [QUEUE_EVENT_EXPANDED] = "expanded", [QUEUE_EVENT_DELIVERED] = "delivered",
		[QUEUE_EVENT_RELAYED] = "relayed",     [QUEUE_EVENT_DEFERRED] = "deferred", [QUEUE_EVENT_FAILED] = "failed",
		[QUEUE_EVENT_REPORTED] = "reported",   [QUEUE_EVENT_WAITING] = "waiting",   [QUEUE_EVENT_HELD] = "held",
		[QUEUE_EVENT_RELEASED] = "released",   [QUEUE_EVENT_RETRIED] = "retried",   [QUEUE_EVENT_RETURNED] = "bounced",
		[QUEUE_EVENT_REMOVED] = "deleted",     [QUEUE_EVENT_ENDED] = "ended",
	};

	return names[event];
}

static void
json_event(const struct queue_happening *happening)
{
	printf("{\"when\": %jd.%03d, \"event\": \"%s\"", (intmax_t)(happening->when / MILLISECONDS), (int)(happening->when % MILLISECONDS),
	       event_name(happening->event));
	tool_json_member("address", happening->address);
	tool_json_member("status", happening->status);
	tool_json_member("text", happening->text);
	putchar('}');
}

static void
text_event(const struct queue_happening *happening)
{
	char when[TOOL_TEXT_SIZE];

	printf("%s.%03d  %-9s", tool_time(happening->when / MILLISECONDS, when), (int)(happening->when % MILLISECONDS),
	       event_name(happening->event));
	if (happening->address.length > 0 || happening->event == QUEUE_EVENT_ACCEPTED) {
		fputs("  <", stdout);
		plain_string(stdout, happening->address);
		putchar('>');
	}
	if (happening->status.length > 0) {
		fputs("  ", stdout);
		plain_string(stdout, happening->status);
	}
	if (happening->text.length > 0) {
		fputs("  ", stdout);
		plain_string(stdout, happening->text);
	}
}

/* With --follow each JSON object has a line of its own, so that a program can read it when it comes. */
void
tool_show_event(struct tool *tool, const struct queue_happening *happening)
{
	bool follow = (tool->options.line.given & OPTION_FOLLOW) != 0;

	if (tool_wants_json(tool)) {
		if (!follow)
			fputs(tool->shown == 0 ? "[\n" : ",\n", stdout);
		json_event(happening);
	} else {
		text_event(happening);
	}
	if (follow || !tool_wants_json(tool))
		putchar('\n');
	if (follow)
		fflush(stdout);
	tool->shown++;
}

static int
trace_frame(void *context, const struct wire_header *header, struct slice payload)
{
	struct wire_reader reader = wire_read(payload);
	struct queue_happening happening;

	if (header->type != QUEUE_EVENT || !queue_happening_get(&reader, &happening))
		return -EPROTO;
	tool_show_event(context, &happening);
	return 0;
}

int
tool_show_trace(struct tool *tool)
{
	int error = 0;

	if (!tool->past_shown)
		error = call_read_file(tool->file, QUEUE_FRAME_MAX, trace_frame, tool);
	tool->past_shown = true;
	if (error != 0)
		return tool_fail(EX_SOFTWARE, "queued's answer cannot be shown: %s", strerror(-error));
	return EX_OK;
}

int
tool_show_whole_trace(struct tool *tool)
{
	int status = tool_show_trace(tool);

	if (status == EX_OK && tool_wants_json(tool) && (tool->options.line.given & OPTION_FOLLOW) == 0)
		puts(tool->shown == 0 ? "[]" : "\n]");
	return status;
}
