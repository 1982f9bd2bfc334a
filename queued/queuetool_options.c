/*
 * queuetool's command line: its options, its commands, and the help that follows from them.
 */
#include <getopt.h>
#include <sysexits.h>

#include "queued/queuetool.h"

enum {
	LONG_JSON = 256, /* above all letters */
	LONG_SENDER,
	LONG_RECIPIENT,
	LONG_DOMAIN,
	LONG_OLDER,
	LONG_NEWER,
	LONG_ALL,
	LONG_MESSAGE,
	LONG_HEADERS,
	LONG_FOLLOW,
	LONG_MAILQ,
	CHANGE = OPTION_JSON | OPTION_FILTER | OPTION_ALL,
	HELP_COLUMN = 36, /* where the summaries of the help begin */
};

static const struct option longs[] = {
	{ "json", no_argument, NULL, LONG_JSON },
	{ "sender", required_argument, NULL, LONG_SENDER },
	{ "recipient", required_argument, NULL, LONG_RECIPIENT },
	{ "domain", required_argument, NULL, LONG_DOMAIN },
	{ "older", required_argument, NULL, LONG_OLDER },
	{ "newer", required_argument, NULL, LONG_NEWER },
	{ "all", no_argument, NULL, LONG_ALL },
	{ "message", no_argument, NULL, LONG_MESSAGE },
	{ "headers", no_argument, NULL, LONG_HEADERS },
	{ "follow", no_argument, NULL, LONG_FOLLOW },
	{ "mailq", no_argument, NULL, LONG_MAILQ },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
take_age(const char *argument, uint64_t *seconds_r)
{
	return config_time(slice_from_string(argument), seconds_r) == 0 && *seconds_r > 0 && *seconds_r <= INT32_MAX;
}

static bool
options_take(struct tool_options *options, int option, const char *argument)
{
	static const unsigned given[] = {
		[LONG_JSON - LONG_JSON] = OPTION_JSON,
		[LONG_SENDER - LONG_JSON] = OPTION_FILTER,
		[LONG_RECIPIENT - LONG_JSON] = OPTION_FILTER,
		[LONG_DOMAIN - LONG_JSON] = OPTION_FILTER,
		[LONG_OLDER - LONG_JSON] = OPTION_FILTER,
		[LONG_NEWER - LONG_JSON] = OPTION_FILTER,
		[LONG_ALL - LONG_JSON] = OPTION_ALL,
		[LONG_MESSAGE - LONG_JSON] = OPTION_CONTENT,
		[LONG_HEADERS - LONG_JSON] = OPTION_CONTENT,
		[LONG_FOLLOW - LONG_JSON] = OPTION_FOLLOW,
		[LONG_MAILQ - LONG_JSON] = OPTION_MAILQ,
	};

	if (option >= LONG_JSON)
		options->given |= given[option - LONG_JSON];
	switch (option) {
	case 'c':
		options->config = argument;
		return true;
	case 'q':
		options->quiet = true;
		return true;
	case 'h':
		options->help = true;
		return true;
	case LONG_SENDER:
		options->sender = argument[0] == '\0' ? "<>" : argument;
		return true;
	case LONG_RECIPIENT:
		options->recipient = argument;
		return true;
	case LONG_DOMAIN:
		options->domain = argument;
		return true;
	case LONG_OLDER:
		return take_age(argument, &options->older);
	case LONG_NEWER:
		return take_age(argument, &options->newer);
	case LONG_MESSAGE:
		options->message = true;
		return true;
	default:
		return option >= LONG_JSON;
	}
}

int
tool_options(int argc, char **argv, struct tool_options *options_r)
{
	int option;

	*options_r = (struct tool_options){ .config = SYSCONFDIR "/angarium.conf" };
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:qh", longs, NULL)) != -1)
		if (!options_take(options_r, option, optarg))
			return tool_fail(EX_USAGE, "\"%s\" is no option, or lacks its argument, or that is wrong; see: queuetool --help",
			                 argv[optind - 1]);
	options_r->words = argv + optind;
	options_r->word_count = argc - optind;
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
