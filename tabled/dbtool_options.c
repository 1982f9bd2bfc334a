/*
 * dbtool's command line: options, and then words.
 */
#include <getopt.h>
#include <sysexits.h>

#include "tabled/dbtool.h"

enum {
	LONG_JSON = 256, /* above all letters */
	LONG_PASSWORD_STDIN,
	LONG_HASH_STDIN,
	LONG_NO_PASSWORD,
	LONG_QUOTA,
	LONG_PATH,
	LONG_SEND_AS,
	LONG_RELAY,
	LONG_LOCAL,
	LONG_DISABLED,
	LONG_ADD,
	LONG_REMOVE,
	LONG_IF_EXISTS,
	LONG_IF_NOT_EXISTS,
	LONG_RECURSIVE,
	LONG_TLS,
	LONG_USER,
};

static const struct option longs[] = {
	{ "json", no_argument, NULL, LONG_JSON },
	{ "password-stdin", no_argument, NULL, LONG_PASSWORD_STDIN },
	{ "hash-stdin", no_argument, NULL, LONG_HASH_STDIN },
	{ "no-password", no_argument, NULL, LONG_NO_PASSWORD },
	{ "quota", required_argument, NULL, LONG_QUOTA },
	{ "path", required_argument, NULL, LONG_PATH },
	{ "send-as", required_argument, NULL, LONG_SEND_AS },
	{ "relay", no_argument, NULL, LONG_RELAY },
	{ "local", no_argument, NULL, LONG_LOCAL },
	{ "disabled", no_argument, NULL, LONG_DISABLED },
	{ "add", no_argument, NULL, LONG_ADD },
	{ "remove", no_argument, NULL, LONG_REMOVE },
	{ "if-exists", no_argument, NULL, LONG_IF_EXISTS },
	{ "if-not-exists", no_argument, NULL, LONG_IF_NOT_EXISTS },
	{ "recursive", no_argument, NULL, LONG_RECURSIVE },
	{ "tls", required_argument, NULL, LONG_TLS },
	{ "user", required_argument, NULL, LONG_USER },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
options_take(struct dbtool_options *options, int option, const char *argument)
{
	static const unsigned given[] = {
		[LONG_JSON - LONG_JSON] = OPTION_JSON,
		[LONG_PASSWORD_STDIN - LONG_JSON] = OPTION_PASSWORD,
		[LONG_HASH_STDIN - LONG_JSON] = OPTION_PASSWORD,
		[LONG_NO_PASSWORD - LONG_JSON] = OPTION_PASSWORD,
		[LONG_QUOTA - LONG_JSON] = OPTION_QUOTA,
		[LONG_PATH - LONG_JSON] = OPTION_PATH,
		[LONG_SEND_AS - LONG_JSON] = OPTION_SEND_AS,
		[LONG_RELAY - LONG_JSON] = OPTION_KIND,
		[LONG_LOCAL - LONG_JSON] = OPTION_KIND,
		[LONG_DISABLED - LONG_JSON] = OPTION_DISABLED,
		[LONG_ADD - LONG_JSON] = OPTION_CHANGE,
		[LONG_REMOVE - LONG_JSON] = OPTION_CHANGE,
		[LONG_IF_EXISTS - LONG_JSON] = OPTION_IF_EXISTS,
		[LONG_IF_NOT_EXISTS - LONG_JSON] = OPTION_IF_NOT_EXISTS,
		[LONG_RECURSIVE - LONG_JSON] = OPTION_RECURSIVE,
		[LONG_TLS - LONG_JSON] = OPTION_TLS,
		[LONG_USER - LONG_JSON] = OPTION_USER,
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
	case LONG_PASSWORD_STDIN:
		options->password = PASSWORD_STDIN;
		return true;
	case LONG_HASH_STDIN:
		options->password = PASSWORD_HASH_STDIN;
		return true;
	case LONG_NO_PASSWORD:
		options->password = PASSWORD_NONE;
		return true;
	case LONG_QUOTA:
		options->quota = argument;
		return true;
	case LONG_PATH:
		options->path = argument;
		return true;
	case LONG_SEND_AS:
		options->send_as = argument;
		return true;
	case LONG_TLS:
		options->tls = argument;
		return true;
	case LONG_USER:
		options->user = argument;
		return true;
	case LONG_RELAY:
		options->kind = RECORD_DOMAIN_RELAY;
		return true;
	case LONG_REMOVE:
		options->remove = true;
		return true;
	default:
		return option >= LONG_JSON;
	}
}

int
options_parse(int argc, char **argv, struct dbtool_options *options_r)
{
	int option;

	*options_r = (struct dbtool_options){
		.config = SYSCONFDIR "/angarium.conf",
		.kind = RECORD_DOMAIN_LOCAL,
	};
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:qh", longs, NULL)) != -1)
		if (!options_take(options_r, option, optarg))
			return dbtool_fail(EX_USAGE,
			                   "\"%s\" is no option, or lacks its argument; see: dbtool --help",
			                   argv[optind - 1]);
	options_r->words = argv + optind;
	options_r->word_count = argc - optind;
	return 0;
}
