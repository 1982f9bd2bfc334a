/*
 * dbtool: records as JSON (RFC 8259).
 */
#include "common/base/json.h"
#include "tabled/dbtool.h"
#include "tabled/line.h"

static void
json_list(FILE *out, struct record_list list)
{
	struct slice item;
	bool first = true;

	putc('[', out);
	while (record_list_next(&list, &item)) {
		fputs(first ? "" : ", ", out);
		json_string(out, item);
		first = false;
	}
	putc(']', out);
}

static bool
json_domain(FILE *out, const struct admin_record *record)
{
	struct record_domain domain;

	if (!record_domain_decode(record->record, &domain))
		return false;
	fprintf(out, ", \"kind\": \"%s\", \"enabled\": %s",
	        domain.kind == RECORD_DOMAIN_RELAY ? "relay" : "local", domain.enabled ? "true" : "false");
	return true;
}

static bool
json_user(FILE *out, const struct admin_record *record)
{
	struct record_secret secret;
	struct record_user user;
	bool first = true;

	if (!record_user_decode(record->record, &user))
		return false;
	fputs(", \"mailbox\": ", out);
	json_string(out, user.path);
	fprintf(out,
	        ", \"quota\": %ju, \"password\": %s, \"enabled\": %s, \"send_as\": ", (uintmax_t)user.quota,
	        user.password.length > 0 ? "true" : "false", user.enabled ? "true" : "false");
	json_list(out, user.send_as);
	fputs(", \"app_passwords\": [", out);
	while (record_secret_next(&user.secrets, &secret)) {
		if (secret.name.length == 0)
			continue;
		fputs(first ? "" : ", ", out);
		json_string(out, secret.name);
		first = false;
	}
	putc(']', out);
	return true;
}

static bool
json_alias(FILE *out, const struct admin_record *record)
{
	struct record_alias alias;

	if (!record_alias_decode(record->record, &alias))
		return false;
	fputs(", \"targets\": ", out);
	json_list(out, alias.targets);
	fprintf(out, ", \"enabled\": %s", alias.enabled ? "true" : "false");
	return true;
}

/* The password is not shown, only exported as text. */
static bool
json_route(FILE *out, const struct admin_record *record)
{
	char words[ROUTE_TEXT_MAX];
	struct route route;

	if (!record_route_decode(record->record, &route))
		return false;
	fputs(", \"via\": ", out);
	json_string(out, slice_from_string(route_format(&route, words)));
	fprintf(out, ", \"tls\": \"%s\", \"user\": ", line_tls_word(route.tls));
	if (route.login.length > 0)
		json_string(out, route.login);
	else
		fputs("null", out);
	return true;
}

void
json_record(FILE *out, const struct admin_record *record)
{
	static const char *const keys[] = {
		[ADMIN_DOMAIN] = "domain", [ADMIN_USER] = "login", [ADMIN_ALIAS] = "alias", [ADMIN_ROUTE] = "route"
	};
	bool whole;

	fprintf(out, "{\"%s\": ", keys[record->noun]);
	json_string(out, record->name);
	if (record->noun == ADMIN_DOMAIN)
		whole = json_domain(out, record);
	else if (record->noun == ADMIN_USER)
		whole = json_user(out, record);
	else if (record->noun == ADMIN_ALIAS)
		whole = json_alias(out, record);
	else
		whole = json_route(out, record);
	fputs(whole ? "}" : ", \"damaged\": true}", out);
}
