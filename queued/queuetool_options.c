/*
 * queuetool's command line: its options, its commands, and the help that follows from them.
 */
#include <sysexits.h>

#include "queued/queuetool.h"

enum option_code {
	CODE_SENDER = 1,
	CODE_RECIPIENT,
	CODE_DOMAIN,
	CODE_OLDER,
	CODE_NEWER,
	CODE_MESSAGE,
};

enum {
	CHANGE = OPTION_JSON | OPTION_FILTER | OPTION_ALL,
	HELP_COLUMN = 36, /* where the summaries of the help begin */
};

static const struct command_option known[] = {
	{ "json", false, OPTION_JSON, 0 },
	{ "sender", true, OPTION_FILTER, CODE_SENDER },
	{ "recipient", true, OPTION_FILTER, CODE_RECIPIENT },
	{ "domain", true, OPTION_FILTER, CODE_DOMAIN },
	{ "older", true, OPTION_FILTER, CODE_OLDER },
	{ "newer", true, OPTION_FILTER, CODE_NEWER },
	{ "all", false, OPTION_ALL, 0 },
	{ "message", false, OPTION_CONTENT, CODE_MESSAGE },
	{ "headers", false, OPTION_CONTENT, 0 },
	{ "follow", false, OPTION_FOLLOW, 0 },
	{ "mailq", false, OPTION_MAILQ, 0 },
	{ NULL, false, 0, 0 },
};

static bool
take_age(const char *argument, uint64_t *seconds_r)
{
	return config_time(slice_from_string(argument), seconds_r) == 0 && *seconds_r > 0 && *seconds_r <= INT32_MAX;
}

static bool
take(void *context, int code, const char *argument)
{
	struct tool_options *options = context;

	switch ((enum option_code)code) {
	case CODE_SENDER:
		options->sender = argument[0] == '\0' ? "<>" : argument;
		return true;
	case CODE_RECIPIENT:
		options->recipient = argument;
		return true;
	case CODE_DOMAIN:
		options->domain = argument;
		return true;
	case CODE_OLDER:
		return take_age(argument, &options->older);
	case CODE_NEWER:
		return take_age(argument, &options->newer);
	case CODE_MESSAGE:
		options->message = true;
		return true;
	}
	return false;
}

int
tool_options(int argc, char **argv, struct tool_options *options_r)
{
	*options_r = (struct tool_options){ 0 };
	if (command_line_parse(argc, argv, known, take, options_r, &options_r->line) != 0)
		return tool_fail(EX_USAGE, "\"%s\" is no option, or lacks its argument, or that is wrong; see: queuetool --help",
		                 options_r->line.refused);
	return 0;
}

const struct tool_command tool_commands[] = {
	{ "list", "[ID... | FILTER...]", "one line for each message", QUEUE_LIST,
	  OPTION_JSON | OPTION_FILTER | OPTION_ALL | OPTION_MAILQ, 0, QUEUE_IDS_MAX, tool_show_list, NULL },
	{ "show", "ID... | FILTER...", "all about a message", QUEUE_SHOW,
	  OPTION_JSON | OPTION_FILTER | OPTION_ALL | OPTION_CONTENT, 1, QUEUE_IDS_MAX, tool_show_messages, NULL },
	{ "hold", "ID... | FILTER...", "no attempts until it is released", QUEUE_HOLD, CHANGE, 1, QUEUE_IDS_MAX, NULL, "held" },
	{ "release", "ID... | FILTER...", "attempts again, now", QUEUE_RELEASE, CHANGE, 1, QUEUE_IDS_MAX, NULL, "released" },
	{ "retry", "ID... | FILTER...", "the next attempt now", QUEUE_RETRY, CHANGE, 1, QUEUE_IDS_MAX, NULL, "retried" },
	{ "bounce", "ID... | FILTER...", "give it up, and tell its sender", QUEUE_BOUNCE, CHANGE, 1, QUEUE_IDS_MAX, NULL, "bounced" },
	{ "delete", "ID... | FILTER...", "give it up, and tell nobody", QUEUE_DELETE, CHANGE, 1, QUEUE_IDS_MAX, NULL, "deleted" },
	{ "stats", "", "how much there is, and where it is to go", QUEUE_STATS, OPTION_JSON, 0, 0, tool_show_stats, NULL },
	{ "trace", "ID [--follow]", "the story of a message", QUEUE_TRACE, OPTION_JSON | OPTION_FOLLOW, 1, 1, tool_show_whole_trace, NULL },
	{ .verb = NULL },
};

void
tool_help(FILE *out)
{
	fputs("queuetool shows the queue of the mail server, and steers it.\n\nCommands:\n", out);
	for (const struct tool_command *command = tool_commands; command->verb != NULL; command++) {
		int width = fprintf(out, "  %s %s", command->verb, command->arguments);

		fprintf(out, "%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "", command->summary);
	}
	fputs("\nFilters choose messages to which all of them apply:\n"
	      "  --sender ADDRESS     its reverse-path; \"<>\" for reports\n"
	      "  --recipient ADDRESS  one of the recipients that are left\n"
	      "  --domain NAME        the domain of one of them\n"
	      "  --older AGE          90s, 15m, 4h, 2d\n"
	      "  --newer AGE\n"
	      "  --all                every message\n\n"
	      "Options:\n"
	      "  -c FILE              the configuration (" SYSCONFDIR "/angarium.conf)\n"
	      "  -q                   say nothing on success\n"
	      "  --json               as JSON\n"
	      "  --headers            show: with the header section\n"
	      "  --message            show: with the whole message\n"
	      "  --follow             trace: go on until the message ends\n"
	      "  --mailq              list: in the traditional look\n\n"
	      "Exit codes are those of sysexits(3). See queuetool(8).\n", out);
}
