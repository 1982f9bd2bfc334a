/*
 * The command line of a tool, by getopt_long(3).
 */
#include "common/base/command_line.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>

enum { FIRST_LONG = 256 }; /* above all letters */

static void
make_longs(const struct command_option *options, struct option longs[COMMAND_OPTIONS_MAX + 2])
{
	int count = 0;

	for (; count < COMMAND_OPTIONS_MAX && options[count].name != NULL; count++)
		longs[count] = (struct option){ options[count].name, options[count].argument ? required_argument : no_argument, NULL,
		                                FIRST_LONG + count };
	longs[count++] = (struct option){ "help", no_argument, NULL, 'h' };
	longs[count] = (struct option){ 0 };
}

static bool
take_letter(struct command_line *line, int letter, const char *argument)
{
	switch (letter) {
	case 'c':
		line->config = argument;
		return true;
	case 'q':
		line->quiet = true;
		return true;
	case 'h':
		line->help = true;
		return true;
	default:
		return false;
	}
}

int
command_line_parse(int argc, char **argv, const struct command_option *options,
                   bool (*take)(void *context, int code, const char *argument), void *context, struct command_line *line_r)
{
	struct option longs[COMMAND_OPTIONS_MAX + 2];
	int found;

	*line_r = (struct command_line){ .config = SYSCONFDIR "/angarium.conf" };
	make_longs(options, longs);
	optind = 1;
	opterr = 0;
	while ((found = getopt_long(argc, argv, "c:qh", longs, NULL)) != -1) {
		const struct command_option *option = found < FIRST_LONG ? NULL : &options[found - FIRST_LONG];
		bool taken = option == NULL ? take_letter(line_r, found, optarg) : option->code == 0 || take(context, option->code, optarg);

		if (!taken) {
			line_r->refused = argv[optind - 1];
			return -EINVAL;
		}
		if (option != NULL)
			line_r->given |= option->given;
	}
	line_r->words = argv + optind;
	line_r->word_count = argc - optind;
	return 0;
}
