/*
 * The command line of sendmail. What has a meaning here is taken, what is traditional and has none is accepted, and all else is refused.
 */
#include "sendmail/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/base/slice.h"

/*
 * With an argument and without a meaning: -d debugging, -h hops, -e error mode, -L syslog tag, -M and -Q queue groups, -O option, -p protocol, -X
 * log file, -A which configuration. Without argument and meaning: -G gateway, -m me too, -n no aliases, -U user submission, -v verbose, -x.
 */
static const char letters[] = "A:B:C:d::F:f:r:GIh:e:iL:M:N:nmO:o:p:Q:q::R:tUV:vX:xb:";

static int
refuse(char *problem, const char *what, const char *argument)
{
	snprintf(problem, SENDMAIL_PROBLEM_SIZE, "%s%s%s", what, argument == NULL ? "" : ": ", argument == NULL ? "" : argument);
	return -EINVAL;
}

static int
take_mode(struct sendmail_options *options, const char *argument, char *problem)
{
	static const struct {
		char letter;
		enum sendmail_mode mode;
	} modes[] = {
		{ 'm', SENDMAIL_MESSAGE }, { 's', SENDMAIL_SMTP }, { 'p', SENDMAIL_LIST }, { 'i', SENDMAIL_ALIASES },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (argument[0] == modes[i].letter && argument[1] == '\0') {
			options->mode = modes[i].mode;
			return 0;
		}
	}
	return refuse(problem, argument[0] == 'd' || argument[0] == 'D' ? "the services are started by themselves; not by -b" : "unknown mode -b",
	              argument);
}

/* RFC 3461 4.1: NEVER stands alone. */
static int
take_notify(struct sendmail_options *options, const char *argument, char *problem)
{
	static const char *const words[] = { "success", "failure", "delay" };
	struct slice rest = slice_from_string(argument);
	struct slice word;

	options->notify = argument;
	if (strcasecmp(argument, "never") == 0)
		return 0;
	for (;;) {
		bool known = false;

		word = slice_first(rest, slice_find(rest, ','));

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			known = known || slice_equal_nocase(word, slice_from_string(words[i]));
		if (!known)
			return refuse(problem, "-N takes never, or some of success,failure,delay", argument);
		if (word.length == rest.length)
			return 0;
		rest = slice_from(rest, word.length + 1);
	}
}

static int
take_ret(struct sendmail_options *options, const char *argument, char *problem)
{
	if (strcasecmp(argument, "full") != 0 && strcasecmp(argument, "hdrs") != 0)
		return refuse(problem, "-R takes full or hdrs", argument);
	options->ret = argument;
	return 0;
}

/* "-o" with the letter of an old option behind it: only "i" means anything still. */
static int
take_old(struct sendmail_options *options, const char *argument)
{
	if (argument[0] == 'i' && argument[1] == '\0')
		options->dots = true;
	return 0;
}

static int
take(struct sendmail_options *options, int letter, const char *argument, char *problem)
{
	switch (letter) {
	case 'b':
		return take_mode(options, argument, problem);
	case 'B':
		options->eight_bit = strcasecmp(argument, "8BITMIME") == 0;
		return 0;
	case 'C':
		options->config = argument;
		return 0;
	case 'F':
		options->full_name = argument;
		return 0;
	case 'f':
	case 'r':
		options->sender = argument;
		return 0;
	case 'I':
		options->mode = SENDMAIL_ALIASES;
		return 0;
	case 'i':
		options->dots = true;
		return 0;
	case 'N':
		return take_notify(options, argument, problem);
	case 'o':
		return take_old(options, argument);
	case 'q':
		options->mode = SENDMAIL_RUN;
		/* An interval or a filter is for a daemon, or another program. */
		return argument == NULL ? 0 : refuse(problem, "-q takes no argument; see queuetool", argument);
	case 'R':
		return take_ret(options, argument, problem);
	case 't':
		options->from_header = true;
		return 0;
	case 'V':
		options->envid = argument;
		return 0;
	case '?':
	case ':':
		snprintf(problem, SENDMAIL_PROBLEM_SIZE, "unknown option, or one without its argument: -%c", optopt);
		return -EINVAL;
	default:
		return 0;
	}
}

int
sendmail_options_parse(int argc, char **argv, struct sendmail_options *options_r, char *problem)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash == NULL ? argv[0] : slash + 1;
	int letter;
	int error = 0;

	*options_r = (struct sendmail_options){ .config = SYSCONFDIR "/angarium.conf" };
	if (strcmp(name, "mailq") == 0)
		options_r->mode = SENDMAIL_LIST;
	else if (strcmp(name, "newaliases") == 0)
		options_r->mode = SENDMAIL_ALIASES;
	opterr = 0;
	optind = 0; /* from the beginning, also a second time */
	while (error == 0 && (letter = getopt(argc, argv, letters)) != -1)
		error = take(options_r, letter, optarg, problem);
	options_r->recipients = argv + optind;
	options_r->recipient_count = argc - optind;
	return error;
}
