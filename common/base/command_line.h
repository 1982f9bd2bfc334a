/*
 * The command line of a tool: -c FILE, -q, --help and --json's like, and then words. Which long options there are, the tool says in a table.
 */
#ifndef ANGARIUM_BASE_COMMAND_LINE_H
#define ANGARIUM_BASE_COMMAND_LINE_H

#include <stdbool.h>

enum { COMMAND_OPTIONS_MAX = 32 };

struct command_option {
	const char *name; /* "json"; NULL ends the table */
	bool argument;
	unsigned given;   /* bits that are set in command_line.given */
	int code;         /* for TAKE; 0: there is nothing else to know */
};

/* Strings are those of argv. */
struct command_line {
	const char *config;  /* -c; the standard one without it */
	bool quiet;          /* -q */
	bool help;           /* -h, --help */
	unsigned given;      /* of the options that were given */
	char **words;        /* the others */
	int word_count;
	const char *refused; /* the option that is none, lacks its argument, or was not taken */
};

/*
 * Parses ARGV. TAKE gets the code and argument (NULL: it has none) of each option that has a code; false: it is wrong. 0, or -EINVAL with
 * line_r->refused.
 */
int command_line_parse(int argc, char **argv, const struct command_option *options,
                       bool (*take)(void *context, int code, const char *argument), void *context, struct command_line *line_r);

#endif
