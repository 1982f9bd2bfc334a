/*
 * dbtool's command line: options, and then words.
 */
#include <sysexits.h>

#include "tabled/dbtool.h"

enum option_code {
	CODE_PASSWORD_STDIN = 1,
	CODE_HASH_STDIN,
	CODE_NO_PASSWORD,
	CODE_QUOTA,
	CODE_PATH,
	CODE_SEND_AS,
	CODE_RELAY,
	CODE_REMOVE,
	CODE_TLS,
	CODE_USER,
};

static const struct command_option known[] = {
	{ "json", false, OPTION_JSON, 0 },
	{ "password-stdin", false, OPTION_PASSWORD, CODE_PASSWORD_STDIN },
	{ "hash-stdin", false, OPTION_PASSWORD, CODE_HASH_STDIN },
	{ "no-password", false, OPTION_PASSWORD, CODE_NO_PASSWORD },
	{ "quota", true, OPTION_QUOTA, CODE_QUOTA },
	{ "path", true, OPTION_PATH, CODE_PATH },
	{ "send-as", true, OPTION_SEND_AS, CODE_SEND_AS },
	{ "relay", false, OPTION_KIND, CODE_RELAY },
	{ "local", false, OPTION_KIND, 0 },
	{ "disabled", false, OPTION_DISABLED, 0 },
	{ "add", false, OPTION_CHANGE, 0 },
	{ "remove", false, OPTION_CHANGE, CODE_REMOVE },
	{ "if-exists", false, OPTION_IF_EXISTS, 0 },
	{ "if-not-exists", false, OPTION_IF_NOT_EXISTS, 0 },
	{ "recursive", false, OPTION_RECURSIVE, 0 },
	{ "tls", true, OPTION_TLS, CODE_TLS },
	{ "user", true, OPTION_USER, CODE_USER },
	{ NULL, false, 0, 0 },
};

static bool
take(void *context, int code, const char *argument)
{
	struct dbtool_options *options = context;

	switch ((enum option_code)code) {
	case CODE_PASSWORD_STDIN:
		options->password = PASSWORD_STDIN;
		return true;
	case CODE_HASH_STDIN:
		options->password = PASSWORD_HASH_STDIN;
		return true;
	case CODE_NO_PASSWORD:
		options->password = PASSWORD_NONE;
		return true;
	case CODE_QUOTA:
		options->quota = argument;
		return true;
	case CODE_PATH:
		options->path = argument;
		return true;
	case CODE_SEND_AS:
		options->send_as = argument;
		return true;
	case CODE_RELAY:
		options->kind = RECORD_DOMAIN_RELAY;
		return true;
	case CODE_REMOVE:
		options->remove = true;
		return true;
	case CODE_TLS:
		options->tls = argument;
		return true;
	case CODE_USER:
		options->user = argument;
		return true;
	}
	return false;
}

int
options_parse(int argc, char **argv, struct dbtool_options *options_r)
{
	*options_r = (struct dbtool_options){ .kind = RECORD_DOMAIN_LOCAL };
	if (command_line_parse(argc, argv, known, take, options_r, &options_r->line) != 0)
		return dbtool_fail(EX_USAGE, "\"%s\" is no option, or lacks its argument; see: dbtool --help", options_r->line.refused);
	return 0;
}
