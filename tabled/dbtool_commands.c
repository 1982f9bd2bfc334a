/*
 * dbtool's commands, and the help that follows from them.
 */
#include <string.h>

#include "tabled/dbtool.h"

enum {
	USER_FIELDS = OPTION_QUOTA | OPTION_PATH | OPTION_SEND_AS,
	ADD_USER = USER_FIELDS | OPTION_PASSWORD | OPTION_DISABLED | OPTION_IF_NOT_EXISTS,
	SET_USER = USER_FIELDS | OPTION_IF_EXISTS,
	ROUTE_FIELDS = OPTION_TLS | OPTION_USER | OPTION_PASSWORD,
	TARGETS_MAX = RECORD_LIST_MAX + 1, /* arguments: an alias and its targets */
	HELP_COLUMN = 44,                  /* where the summaries of the help begin */
};

const struct dbtool_command dbtool_commands[] = {
	{ "domain", "add", "NAME [--relay]", "take mail for a domain; with --relay only as its backup MX",
	  1, 1, OPTION_KIND | OPTION_DISABLED | OPTION_IF_NOT_EXISTS, prepare_domain, NULL,
	  ADMIN_DOMAIN, ADMIN_ADD, 0 },
	{ "domain", "del", "NAME [--recursive]", "no more; with --recursive also its users and aliases",
	  1, 1, OPTION_IF_EXISTS | OPTION_RECURSIVE, prepare_name, NULL, ADMIN_DOMAIN, ADMIN_DELETE, 0 },
	{ "domain", "list", "", "all domains",
	  0, 0, OPTION_JSON, NULL, show_records, ADMIN_DOMAIN, ADMIN_LIST, 0 },
	{ "domain", "show", "NAME", "",
	  1, 1, OPTION_JSON, prepare_name, show_records, ADMIN_DOMAIN, ADMIN_SHOW, 0 },
	{ "domain", "set", "NAME --relay | --local", "",
	  1, 1, OPTION_KIND | OPTION_IF_EXISTS, prepare_domain, NULL,
	  ADMIN_DOMAIN, ADMIN_SET, ADMIN_FIELD_KIND },
	{ "domain", "enable", "NAME", "",
	  1, 1, OPTION_IF_EXISTS, prepare_domain, NULL, ADMIN_DOMAIN, ADMIN_SET, ADMIN_FIELD_ENABLED },
	{ "domain", "disable", "NAME", "refuse its mail and its logins, keep everything",
	  1, 1, OPTION_IF_EXISTS, prepare_domain, NULL, ADMIN_DOMAIN, ADMIN_SET, ADMIN_FIELD_ENABLED },
	{ "domain", "import", "[FILE]", NULL,
	  0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0 },
	{ "domain", "export", "[FILE]", NULL,
	  0, 1, OPTION_JSON, NULL, show_export, ADMIN_DOMAIN, ADMIN_LIST, 0 },
	{ "domain", "check", "", NULL,
	  0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0 },

	{ "user", "add", "LOGIN", "a login and its mailbox; asks for a password",
	  1, 1, ADD_USER, prepare_user, NULL, ADMIN_USER, ADMIN_ADD, ADMIN_FIELD_PASSWORD },
	{ "user", "del", "LOGIN", "the mailbox stays on disk",
	  1, 1, OPTION_IF_EXISTS, prepare_name, NULL, ADMIN_USER, ADMIN_DELETE, 0 },
	{ "user", "list", "[DOMAIN]", "",
	  0, 1, OPTION_JSON, prepare_filter, show_records, ADMIN_USER, ADMIN_LIST, 0 },
	{ "user", "show", "LOGIN", "",
	  1, 1, OPTION_JSON, prepare_name, show_records, ADMIN_USER, ADMIN_SHOW, 0 },
	{ "user", "set", "LOGIN [--quota SIZE] [--path PATH] [--send-as LIST]", "",
	  1, 1, SET_USER, prepare_user, NULL, ADMIN_USER, ADMIN_SET, 0 },
	{ "user", "passwd", "LOGIN", "a new password",
	  1, 1, OPTION_PASSWORD | OPTION_IF_EXISTS, prepare_user, NULL,
	  ADMIN_USER, ADMIN_SET, ADMIN_FIELD_PASSWORD },
	{ "user", "enable", "LOGIN", "",
	  1, 1, OPTION_IF_EXISTS, prepare_user, NULL, ADMIN_USER, ADMIN_SET, ADMIN_FIELD_ENABLED },
	{ "user", "disable", "LOGIN", "no login and no mail, until enabled again",
	  1, 1, OPTION_IF_EXISTS, prepare_user, NULL, ADMIN_USER, ADMIN_SET, ADMIN_FIELD_ENABLED },
	{ "user", "import", "[FILE]", NULL,
	  0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0 },
	{ "user", "export", "[FILE]", NULL,
	  0, 1, OPTION_JSON, NULL, show_export, ADMIN_USER, ADMIN_LIST, 0 },
	{ "user", "check", "", NULL,
	  0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0 },

	{ "app-password", "add", "LOGIN NAME", "one more password, for one program; made and shown once",
	  2, 2, OPTION_PASSWORD, prepare_app_password, show_app_password,
	  ADMIN_USER, ADMIN_SET, ADMIN_FIELD_SECRET_ADD },
	{ "app-password", "del", "LOGIN NAME", "",
	  2, 2, OPTION_IF_EXISTS, prepare_app_password, NULL,
	  ADMIN_USER, ADMIN_SET, ADMIN_FIELD_SECRET_REMOVE },
	{ "app-password", "list", "LOGIN", "",
	  1, 1, OPTION_JSON, prepare_name, show_app_passwords, ADMIN_USER, ADMIN_SHOW, 0 },

	{ "alias", "add", "ADDRESS TARGET...", "mail to ADDRESS goes to every TARGET, here or elsewhere",
	  2, TARGETS_MAX, OPTION_DISABLED | OPTION_IF_NOT_EXISTS, prepare_alias, NULL,
	  ADMIN_ALIAS, ADMIN_ADD, 0 },
	{ "alias", "del", "ADDRESS", "",
	  1, 1, OPTION_IF_EXISTS, prepare_name, NULL, ADMIN_ALIAS, ADMIN_DELETE, 0 },
	{ "alias", "list", "[DOMAIN]", "",
	  0, 1, OPTION_JSON, prepare_filter, show_records, ADMIN_ALIAS, ADMIN_LIST, 0 },
	{ "alias", "show", "ADDRESS", "",
	  1, 1, OPTION_JSON, prepare_name, show_records, ADMIN_ALIAS, ADMIN_SHOW, 0 },
	{ "alias", "set", "ADDRESS [--add | --remove] TARGET...", "",
	  2, TARGETS_MAX, OPTION_CHANGE | OPTION_IF_EXISTS, prepare_alias, NULL,
	  ADMIN_ALIAS, ADMIN_SET, ADMIN_FIELD_TARGETS },
	{ "alias", "enable", "ADDRESS", "",
	  1, 1, OPTION_IF_EXISTS, prepare_alias, NULL, ADMIN_ALIAS, ADMIN_SET, ADMIN_FIELD_ENABLED },
	{ "alias", "disable", "ADDRESS", "",
	  1, 1, OPTION_IF_EXISTS, prepare_alias, NULL, ADMIN_ALIAS, ADMIN_SET, ADMIN_FIELD_ENABLED },
	{ "alias", "import", "[FILE]", NULL,
	  0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0 },
	{ "alias", "export", "[FILE]", NULL,
	  0, 1, OPTION_JSON, NULL, show_export, ADMIN_ALIAS, ADMIN_LIST, 0 },
	{ "alias", "check", "", NULL,
	  0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0 },

	{ "route", "add", "DOMAIN ROUTE [--tls WORD] [--user NAME]", "how mail for another domain leaves",
	  2, 2, ROUTE_FIELDS | OPTION_IF_NOT_EXISTS, prepare_route, NULL, ADMIN_ROUTE, ADMIN_ADD, 0 },
	{ "route", "del", "DOMAIN", "by DNS again",
	  1, 1, OPTION_IF_EXISTS, prepare_name, NULL, ADMIN_ROUTE, ADMIN_DELETE, 0 },
	{ "route", "list", "", "",
	  0, 0, OPTION_JSON, NULL, show_records, ADMIN_ROUTE, ADMIN_LIST, 0 },
	{ "route", "show", "DOMAIN", "",
	  1, 1, OPTION_JSON, prepare_name, show_records, ADMIN_ROUTE, ADMIN_SHOW, 0 },
	{ "route", "set", "DOMAIN ROUTE [--tls WORD] [--user NAME]", "this route instead, with these options only",
	  2, 2, ROUTE_FIELDS | OPTION_IF_EXISTS, prepare_route, NULL, ADMIN_ROUTE, ADMIN_SET, 0 },
	{ "route", "import", "[FILE]", NULL,
	  0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0 },
	{ "route", "export", "[FILE]", NULL,
	  0, 1, OPTION_JSON, NULL, show_export, ADMIN_ROUTE, ADMIN_LIST, 0 },
	{ "route", "check", "", NULL,
	  0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0 },

	{ "import", NULL, "[FILE]", "add what an export wrote: all of it or nothing",
	  0, 1, OPTION_IF_NOT_EXISTS, prepare_import, NULL, ADMIN_TABLE, ADMIN_IMPORT, 0 },
	{ "export", NULL, "[FILE]", "everything, with password hashes, and passwords of routes",
	  0, 1, OPTION_JSON, NULL, show_export, ADMIN_TABLE, ADMIN_LIST, 0 },
	{ "check", NULL, "", "what contradicts itself",
	  0, 0, 0, NULL, show_notes, ADMIN_TABLE, ADMIN_CHECK, 0 },
	{ .noun = NULL },
};

void
dbtool_help(FILE *out)
{
	const char *before = "domain";

	fputs("dbtool manages the domains, users, aliases and routes of the mail server.\n"
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
		width = fprintf(out, "  %s %s%s%s", command->noun, verb, verb[0] == '\0' ? "" : " ",
		                command->arguments);
		if (command->summary[0] != '\0')
			fprintf(out, "%*s%s", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "",
			        command->summary);
		putc('\n', out);
	}
	fputs("\nAn alias ADDRESS is an address, \"@example.org\" for all other addresses of a domain, or\n"
	      "\"postmaster\".\n\n"
	      "A route DOMAIN is a domain, \".example.org\" for all below it, or \"*\" for all other domains. ROUTE is one of\n"
	      "  mx                  as DNS says\n"
	      "  mx://DOMAIN         as DNS says of that domain\n"
	      "  smtp://HOST[:PORT]  that host, or smtps:// with TLS from the start\n"
	      "  lmtp://HOST:PORT    by LMTP, or lmtp:/PATH for a UNIX socket of relay_sockets\n"
	      "  reject              mail is returned\n"
	      "  discard             mail is thrown away\n\n"
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
	      "  --disabled          add it disabled\n"
	      "  --tls WORD          of a route: standard, off, required, or verify the certificate\n"
	      "  --user NAME         of a route: log in there; asks for the password, or --password-stdin\n\n"
	      "Import, export and check also go with a noun: \"dbtool user export\" writes users only.\n"
	      "Exit codes are those of sysexits(3). See dbtool(8).\n", out);
}
