/*
 * Directives, seen from inside the configuration's parser: the table of all of them, and how each kind of value is
 * parsed. Others use common/mail/config.h.
 */
#ifndef ANGARIUM_MAIL_CONFIG_DIRECTIVE_H
#define ANGARIUM_MAIL_CONFIG_DIRECTIVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/mail/config.h"

/* Where a message about a mistake goes, and which place it names. */
struct config_report {
	const char *file;
	unsigned line;
	char *error; /* CONFIG_ERROR_MAX bytes */
};

/* Writes "FILE:LINE: " and the message. Always returns -EINVAL. */
int config_complain(const struct config_report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum { CONFIG_QUOTE_SIZE = 64 };
/*
 * TEXT as a message may show it: in quotes, shortened, with "?" for what cannot be printed. Returns OUT
 * (CONFIG_QUOTE_SIZE bytes).
 */
const char *config_quote(struct slice text, char *out);

struct config_directive;

/*
 * Parses VALUE (trimmed, not empty) into MEMBER, the directive's member of struct config. 0, or -EINVAL after a
 * complaint.
 */
typedef int config_parser(const struct config_directive *directive, struct slice value, void *member,
                          const struct config_report *report);

/* A word and the number that it stands for. */
struct config_word {
	const char *word; /* NULL ends a list */
	int number;
};

struct config_directive {
	const char *name;     /* as in the file; also the member of struct config */
	size_t offset;        /* of the member */
	size_t size;          /* of the member, bytes */
	config_parser *parse;
	uint64_t least, most; /* of a number, a size in bytes, a time in seconds; MOST of a text: its bytes */
	const struct config_word *words;
	bool repeated;        /* may stand in several lines, each of which adds to the member */
	const char *standard; /* the default, as it would stand in the file; NULL: found out by config_defaults */
};

extern const struct config_directive config_directives[];
extern const size_t config_directive_count;
enum { CONFIG_DIRECTIVES_MAX = 128 }; /* room for a line number of each */

/* The directive of that name, or NULL. */
const struct config_directive *config_directive_find(struct slice name);
/* The directive whose name is nearest to NAME, when it is near enough to be what was meant; else NULL. */
const struct config_directive *config_directive_near(struct slice name);

/* Parsers, by what the member is. */
config_parser config_parse_hostname;   /* char [] */
config_parser config_parse_path;       /* char [] */
config_parser config_parse_optional_path; /* char []; "off" makes it empty */
config_parser config_parse_paths;      /* struct config_paths */
config_parser config_parse_address;    /* char []: an address, or "postmaster"; "off" makes it empty */
config_parser config_parse_account;    /* char [] */
config_parser config_parse_word;       /* enum or int */
config_parser config_parse_separator;  /* char */
config_parser config_parse_number;     /* uint32_t */
config_parser config_parse_time;       /* uint32_t, seconds */
config_parser config_parse_rate;       /* struct bucket_rate */
config_parser config_parse_size;       /* uint32_t or uint64_t, bytes */
config_parser config_parse_endpoints;  /* struct config_endpoints */
config_parser config_parse_certificate; /* struct config_certificates */
config_parser config_parse_networks;   /* struct config_networks */
config_parser config_parse_retries;    /* struct config_retries */

/* One time such as "15m", within the directive's limits. */
int config_read_time(const struct config_directive *directive, struct slice text, uint32_t *seconds_r,
                     const struct config_report *report);
/* SECONDS or BYTES with the largest unit that fits evenly. Returns OUT (CONFIG_QUOTE_SIZE bytes). */
const char *config_show_time(uint64_t seconds, char *out);
const char *config_show_size(uint64_t bytes, char *out);

/*
 * Looks at what no single line shows: directives that contradict each other. LINES holds the line of each directive
 * of the table, 0 for one that is not in the file. 0, or -EINVAL after a complaint.
 */
int config_check(const struct config *config, const unsigned *lines, struct config_report *report);

#endif
