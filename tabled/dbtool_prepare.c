/*
 * dbtool: makes the records that calls carry.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "tabled/dbtool.h"
#include "tabled/line.h"

static bool
dbtool_verb_is(const struct dbtool *dbtool, const char *verb)
{
	return strcmp(dbtool->command->verb, verb) == 0;
}

/* New records are enabled unless --disabled says otherwise; "enable" and "disable" say it themselves. */
static bool
dbtool_enabled(const struct dbtool *dbtool)
{
	return !dbtool_verb_is(dbtool, "disable") && (dbtool->options.line.given & OPTION_DISABLED) == 0;
}

int
prepare_name(struct dbtool *dbtool)
{
	if (buffer_append_string(&dbtool->name, dbtool->arguments[0]) != 0)
		return dbtool_fail(EX_DATAERR, "the name is too long");
	return 0;
}

int
prepare_domain(struct dbtool *dbtool)
{
	struct record_domain domain = { .enabled = dbtool_enabled(dbtool), .kind = dbtool->options.kind };
	int status = prepare_name(dbtool);

	if (status != 0)
		return status;
	if (dbtool_verb_is(dbtool, "set") && (dbtool->options.line.given & OPTION_KIND) == 0)
		return dbtool_fail(EX_USAGE, "usage: dbtool domain set NAME --relay | --local");
	if (record_domain_encode(&domain, &dbtool->record) != 0)
		return dbtool_fail(EX_OSERR, "out of memory");
	return 0;
}

/* "a,b" into OUT. */
static int
prepare_list(const char *text, struct buffer *out, struct record_list *list_r)
{
	struct slice rest = slice_from_string(text);
	uint32_t count = 0;

	while (rest.length > 0) {
		size_t comma = slice_find(rest, ',');

		if (record_list_add(out, &count, slice_trim(slice_first(rest, comma))) != 0)
			return dbtool_fail(EX_DATAERR, "the list is too long");
		rest = slice_from(rest, comma + 1);
	}
	*list_r = (struct record_list){ .count = count, .bytes = buffer_slice(out) };
	return 0;
}

static int
prepare_user_fields(struct dbtool *dbtool, struct record_user *user, struct buffer *password,
                    struct buffer *send_as)
{
	const struct dbtool_options *options = &dbtool->options;
	int status = 0;

	user->path = slice_from_string(options->path);
	if (options->quota != NULL && line_parse_size(slice_from_string(options->quota), &user->quota) != 0)
		return dbtool_fail(EX_DATAERR, "\"%s\" is no quota; a quota looks like 500M, 2G or none",
		                   options->quota);
	if (options->send_as != NULL)
		status = prepare_list(options->send_as, send_as, &user->send_as);
	if (status == 0 && (dbtool->call.fields & ADMIN_FIELD_PASSWORD) != 0)
		status = password_hash(dbtool, password);
	user->password = buffer_slice(password);
	if (status == 0 && record_user_encode(user, &dbtool->record) != 0)
		status = dbtool_fail(EX_OSERR, "out of memory");
	return status;
}

int
prepare_user(struct dbtool *dbtool)
{
	const struct dbtool_options *options = &dbtool->options;
	struct record_user user = { .enabled = dbtool_enabled(dbtool) };
	struct buffer password, send_as;
	int status = prepare_name(dbtool);

	if (status != 0)
		return status;
	dbtool->call.fields |= (options->line.given & OPTION_QUOTA) != 0 ? ADMIN_FIELD_QUOTA : 0U;
	dbtool->call.fields |= (options->line.given & OPTION_PATH) != 0 ? ADMIN_FIELD_PATH : 0U;
	dbtool->call.fields |= (options->line.given & OPTION_SEND_AS) != 0 ? ADMIN_FIELD_SEND_AS : 0U;
	if (dbtool->call.fields == 0)
		return dbtool_fail(EX_USAGE, "usage: dbtool user set %s", dbtool->command->arguments);
	buffer_init(&password, RECORD_PASSWORD_MAX);
	buffer_init(&send_as, TABLE_VALUE_MAX);
	status = prepare_user_fields(dbtool, &user, &password, &send_as);
	buffer_free(&password);
	buffer_free(&send_as);
	return status;
}

/* The call's item is the app password's name; its record is not used. */
int
prepare_app_password(struct dbtool *dbtool)
{
	struct record_user user = { .enabled = true };
	int status = prepare_name(dbtool);

	dbtool->call.item = slice_from_string(dbtool->arguments[1]);
	if (status == 0 && record_user_encode(&user, &dbtool->record) != 0)
		status = dbtool_fail(EX_OSERR, "out of memory");
	if (status == 0 && dbtool->call.fields == ADMIN_FIELD_SECRET_ADD)
		status = password_app(dbtool);
	return status;
}

int
prepare_alias(struct dbtool *dbtool)
{
	const struct dbtool_options *options = &dbtool->options;
	struct record_alias alias = { .enabled = dbtool_enabled(dbtool) };
	struct buffer targets;
	int error = prepare_name(dbtool);

	if (error != 0)
		return error;
	buffer_init(&targets, TABLE_VALUE_MAX);
	for (int i = 1; error == 0 && i < dbtool->argument_count; i++)
		error = record_list_add(&targets, &alias.targets.count,
		                        slice_from_string(dbtool->arguments[i]));
	alias.targets.bytes = buffer_slice(&targets);
	if (error == 0)
		error = record_alias_encode(&alias, &dbtool->record);
	buffer_free(&targets);
	if ((options->line.given & OPTION_CHANGE) != 0)
		dbtool->call.fields = options->remove ? ADMIN_FIELD_TARGETS_REMOVE : ADMIN_FIELD_TARGETS_ADD;
	return error == 0 ? 0 : dbtool_fail(EX_DATAERR, "the targets are too many or too long");
}

/* The route in words, and what the options add to it. */
static int
prepare_route_record(struct dbtool *dbtool, struct buffer *words, struct buffer *password)
{
	const struct dbtool_options *options = &dbtool->options;
	const char *problem;
	struct route route;
	int status = 0;

	if (line_parse_route(slice_from_string(dbtool->arguments[1]), words, &route) != 0)
		return dbtool_fail(EX_DATAERR,
		                   "\"%s\" is no route; routes are mx, mx://DOMAIN, smtp://HOST[:PORT], smtps://HOST[:PORT], "
		                   "lmtp://HOST:PORT, lmtp:/PATH, reject and discard",
		                   dbtool->arguments[1]);
	if (options->tls != NULL && line_parse_tls(slice_from_string(options->tls), &route.tls) != 0)
		return dbtool_fail(EX_DATAERR, "--tls is standard, off, required or verify");
	if (options->user != NULL)
		status = password_route(dbtool, password);
	else if ((options->line.given & OPTION_PASSWORD) != 0)
		status = dbtool_fail(EX_USAGE, "a password goes with --user NAME");
	if (status != 0)
		return status;
	route.login = slice_from_string(options->user);
	route.password = buffer_slice(password);
	problem = route_problem(&route);
	if (problem != NULL)
		return dbtool_fail(EX_DATAERR, "%s", problem);
	return record_route_encode(&route, &dbtool->record) == 0 ? 0 : dbtool_fail(EX_OSERR, "out of memory");
}

int
prepare_route(struct dbtool *dbtool)
{
	struct buffer words, password;
	int status = prepare_name(dbtool);

	if (status != 0)
		return status;
	buffer_init(&words, TABLE_VALUE_MAX);
	buffer_init(&password, TABLE_PASSWORD_MAX);
	status = prepare_route_record(dbtool, &words, &password);
	if (password.data != NULL)
		explicit_bzero(password.data, password.size);
	buffer_free(&words);
	buffer_free(&password);
	return status;
}

/* "user list [DOMAIN]" */
int
prepare_filter(struct dbtool *dbtool)
{
	return dbtool->argument_count == 0 ? 0 : prepare_name(dbtool);
}
