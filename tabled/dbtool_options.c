/*
 * dbtool's command line, its commands and its help.
 */
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "tabled/dbtool.h"

#define ADD_USER (OPTION_PASSWORD | OPTION_QUOTA | OPTION_PATH | OPTION_SEND_AS | OPTION_DISABLED | OPTION_IF_NOT_EXISTS)
#define SET_USER (OPTION_QUOTA | OPTION_PATH | OPTION_SEND_AS | OPTION_IF_EXISTS)

enum {
	TARGETS_MAX = RECORD_LIST_MAX + 1, /* arguments: an alias and its targets */
	HELP_COLUMN = 44,                  /* where the summaries of the help begin */
};

const struct dbtool_command dbtool_commands[] = {
	{ "domain", "add", 1, 1, OPTION_KIND | OPTION_DISABLED | OPTION_IF_NOT_EXISTS, prepare_domain, NULL, ADMIN_DOMAIN, ADMIN_ADD, 0,
	  "NAME [--relay]", "take mail for a domain; with --relay only as its backup MX" },
	{ "domain", "del", 1, 1, OPTION_IF_EXISTS | OPTION_RECURSIVE, prepare_name, NULL, ADMIN_DOMAIN, ADMIN_DELETE, 0,
	  "NAME [--recursive]", "no more; with --recursive also its users and aliases" },
	{ "domain", "list", 0, 0, OPTION_JSON, NULL, show_records, ADMIN_DOMAIN, ADMIN_LIST, 0, "", "all domains" },
	{ "domain", "show", 1, 1, OPTION_JSON, prepare_name, show_records, ADMIN_DOMAIN, ADMIN_SHOW, 0, "NAME", "" },
	{ "domain", "set", 1, 1, OPTION_KIND | OPTION_IF_EXISTS, prepare_domain, NULL, ADMIN_DOMAIN, ADMIN_SET, ADMIN_FIELD_KIND,
	  "NAME --relay | --local", "" },
	{ "domain", "enable", 1, 1, OPTION_IF_EXISTS, prepare_domain, NULL, ADMIN_DOMAIN, ADMIN_SET, ADMIN_FIELD_ENABLED, "NAME", "" },
	{ "domain", "disable", 1, 1, OPTION_IF_EXISTS, prepare_domain, NULL, ADMIN_DOMAIN, ADMIN_SET, ADMIN_FIELD_ENABLED,
	  "NAME", "refuse its mail and its logins, keep everything" },
	{ "domain", "import", 0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0, "[FILE]", NULL },
	{ "domain", "export", 0, 1, OPTION_JSON, NULL, show_export, ADMIN_DOMAIN, ADMIN_LIST, 0, "[FILE]", NULL },
	{ "domain", "check", 0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0, "", NULL },

	{ "user", "add", 1, 1, ADD_USER, prepare_user, NULL, ADMIN_USER, ADMIN_ADD, ADMIN_FIELD_PASSWORD,
	  "LOGIN", "a login and its mailbox; asks for a password" },
	{ "user", "del", 1, 1, OPTION_IF_EXISTS, prepare_name, NULL, ADMIN_USER, ADMIN_DELETE, 0, "LOGIN", "the mailbox stays on disk" },
	{ "user", "list", 0, 1, OPTION_JSON, prepare_filter, show_records, ADMIN_USER, ADMIN_LIST, 0, "[DOMAIN]", "" },
	{ "user", "show", 1, 1, OPTION_JSON, prepare_name, show_records, ADMIN_USER, ADMIN_SHOW, 0, "LOGIN", "" },
	{ "user", "set", 1, 1, SET_USER, prepare_user, NULL, ADMIN_USER, ADMIN_SET, 0, "LOGIN [--quota SIZE] [--path PATH] [--send-as LIST]", "" },
	{ "user", "passwd", 1, 1, OPTION_PASSWORD | OPTION_IF_EXISTS, prepare_user, NULL, ADMIN_USER, ADMIN_SET, ADMIN_FIELD_PASSWORD,
	  "LOGIN", "a new password" },
	{ "user", "enable", 1, 1, OPTION_IF_EXISTS, prepare_user, NULL, ADMIN_USER, ADMIN_SET, ADMIN_FIELD_ENABLED, "LOGIN", "" },
	{ "user", "disable", 1, 1, OPTION_IF_EXISTS, prepare_user, NULL, ADMIN_USER, ADMIN_SET, ADMIN_FIELD_ENABLED,
	  "LOGIN", "no login and no mail, until enabled again" },
	{ "user", "import", 0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0, "[FILE]", NULL },
	{ "user", "export", 0, 1, OPTION_JSON, NULL, show_export, ADMIN_USER, ADMIN_LIST, 0, "[FILE]", NULL },
	{ "user", "check", 0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0, "", NULL },

	{ "alias", "add", 2, TARGETS_MAX, OPTION_DISABLED | OPTION_IF_NOT_EXISTS, prepare_alias, NULL, ADMIN_ALIAS, ADMIN_ADD, 0,
	  "ADDRESS TARGET...", "mail to ADDRESS goes to every TARGET, here or elsewhere" },
	{ "alias", "del", 1, 1, OPTION_IF_EXISTS, prepare_name, NULL, ADMIN_ALIAS, ADMIN_DELETE, 0, "ADDRESS", "" },
	{ "alias", "list", 0, 1, OPTION_JSON, prepare_filter, show_records, ADMIN_ALIAS, ADMIN_LIST, 0, "[DOMAIN]", "" },
	{ "alias", "show", 1, 1, OPTION_JSON, prepare_name, show_records, ADMIN_ALIAS, ADMIN_SHOW, 0, "ADDRESS", "" },
	{ "alias", "set", 2, TARGETS_MAX, OPTION_CHANGE | OPTION_IF_EXISTS, prepare_alias, NULL, ADMIN_ALIAS, ADMIN_SET, ADMIN_FIELD_TARGETS,
	  "ADDRESS [--add | --remove] TARGET...", "" },
	{ "alias", "enable", 1, 1, OPTION_IF_EXISTS, prepare_alias, NULL, ADMIN_ALIAS, ADMIN_SET, ADMIN_FIELD_ENABLED, "ADDRESS", "" },
	{ "alias", "disable", 1, 1, OPTION_IF_EXISTS, prepare_alias, NULL, ADMIN_ALIAS, ADMIN_SET, ADMIN_FIELD_ENABLED, "ADDRESS", "" },
	{ "alias", "import", 0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0, "[FILE]", NULL },
	{ "alias", "export", 0, 1, OPTION_JSON, NULL, show_export, ADMIN_ALIAS, ADMIN_LIST, 0, "[FILE]", NULL },
	{ "alias", "check", 0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0, "", NULL },

	{ "import", NULL, 0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0,
	  "[FILE]", "add what an export wrote: all of it or nothing" },
	{ "export", NULL, 0, 1, OPTION_JSON, NULL, show_export, ADMIN_TABLE, ADMIN_LIST, 0, "[FILE]", "everything, with password hashes" },
	{ "check", NULL, 0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0, "", "what contradicts itself" },
	{ .noun = NULL },
};

void
dbtool_help(FILE *out)
{
	const char *before = "domain";

	fputs("dbtool manages the domains, users and aliases of the mail server.\n"
	      "It works while the server runs and while it does not.\n\n"
	      "The first steps:\n"
	      "  dbtool domain add example.org\n"
	      "  dbtool user add alice@example.org\n"
	      "  dbtool alias add info@example.org alice@example.org\n\n"
	      "Commands:\n", out);
	for (const struct dbtool_command *command = dbtool_commands; command->noun != NULL; command++) {
		const char *verb = command->verb == NULL ? "" : command->verb;
		const char *group = command->verb == NULL ? "" : command->noun;
		int width;

		if (command->summary == NULL)
			continue;
		if (strcmp(group, before) != 0)
			putc('\n', out);
		before = group;
		width = fprintf(out, "  %s %s%s%s", command->noun, verb, verb[0] == '\0' ? "" : " ", command->arguments);
		if (command->summary[0] != '\0')
			fprintf(out, "%*s%s", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "", command->summary);
		putc('\n', out);
	}
	fputs("\nAn alias ADDRESS is an address, \"@example.org\" for all other addresses of a domain, or \"postmaster\".\n\n"
	      "Options:\n"
	      "  -c FILE             the configuration (" SYSCONFDIR "/angarium.conf)\n"
	      "  -q                  say nothing on success\n"
	      "  --json              list, show, export: as JSON\n"
	      "  --if-exists         del, set, enable, disable, passwd: success when there is none\n"
	      "  --if-not-exists     add, import: success, and no change, when there is one\n"
	      "  --password-stdin    read the password from standard input, one line\n"
	      "  --hash-stdin        read a ready hash (crypt(5)) instead\n"
	      "  --no-password       add the user without one: mail, but no login\n"
	      "  --quota SIZE        500M, 2G, none\n"
	      "  --path PATH         the mailbox, below the mail directory; default DOMAIN/LOCAL-PART\n"
	      "  --send-as LIST      further addresses that the user may send as, divided by commas\n"
	      "  --disabled          add it disabled\n\n"
	      "Import, export and check also go with a noun: \"dbtool user export\" writes users only.\n"
	      "Exit codes are those of sysexits(3). See dbtool(8).\n", out);
}

enum {
	LONG_JSON = 256, LONG_PASSWORD_STDIN, LONG_HASH_STDIN, LONG_NO_PASSWORD, LONG_QUOTA, LONG_PATH, LONG_SEND_AS, LONG_RELAY, LONG_LOCAL,
	LONG_DISABLED, LONG_ADD, LONG_REMOVE, LONG_IF_EXISTS, LONG_IF_NOT_EXISTS, LONG_RECURSIVE,
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

	*options_r = (struct dbtool_options){ .config = SYSCONFDIR "/angarium.conf", .kind = RECORD_DOMAIN_LOCAL };
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:qh", longs, NULL)) != -1)
		if (!options_take(options_r, option, optarg))
			return dbtool_fail(EX_USAGE, "\"%s\" is no option, or lacks its argument; see: dbtool --help", argv[optind - 1]);
	options_r->words = argv + optind;
	options_r->word_count = argc - optind;
	return 0;
}
