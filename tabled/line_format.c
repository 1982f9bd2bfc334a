/*
 * The text of records, written.
 */
#include <errno.h>
#include <stdio.h>

#include "tabled/line.h"

void
line_format_size(uint64_t size, char *out)
{
	static const char units[] = "KMGT";
	int unit = -1;

	while (size > 0 && size % 1024 == 0 && unit < 3) {
		size /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(out, 32, "%ju", (uintmax_t)size);
	else
		snprintf(out, 32, "%ju%c", (uintmax_t)size, units[unit]);
}

static int
line_put_escaped(struct buffer *out, struct slice text)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c <= ' ' || c == 127 || c == '%' || c == ',')
			error = buffer_printf(out, "%%%02X", c);
		else
			error = buffer_append(out, &text.data[i], 1);
	}
	return error;
}

static int
line_put_field(struct buffer *out, const char *key, struct slice value)
{
	int error;

	if (value.length == 0)
		return 0;
	error = buffer_printf(out, " %s=", key);
	return error != 0 ? error : line_put_escaped(out, value);
}

static int
line_put_list(struct buffer *out, const char *key, struct record_list list)
{
	struct slice item;
	bool first = true;
	int error = list.count == 0 ? 0 : buffer_printf(out, " %s=", key);

	while (error == 0 && record_list_next(&list, &item)) {
		if (!first)
			error = buffer_append_string(out, ",");
		if (error == 0)
			error = line_put_escaped(out, item);
		first = false;
	}
	return error;
}

static int
line_put_enabled(struct buffer *out, bool enabled)
{
	return enabled ? 0 : buffer_append_string(out, " enabled=no");
}

static int
line_put_domain(struct buffer *out, struct slice value)
{
	struct record_domain domain;
	int error = 0;

	if (!record_domain_decode(value, &domain))
		return -EBADMSG;
	if (domain.kind == RECORD_DOMAIN_RELAY)
		error = buffer_append_string(out, " kind=relay");
	return error != 0 ? error : line_put_enabled(out, domain.enabled);
}

static int
line_put_user(struct buffer *out, struct slice value)
{
	struct record_user user;
	char quota[32];
	int error;

	if (!record_user_decode(value, &user))
		return -EBADMSG;
	line_format_size(user.quota, quota);
	error = line_put_field(out, "password", user.password);
	if (error == 0)
		error = line_put_field(out, "path", user.path);
	if (error == 0 && user.quota > 0)
		error = line_put_field(out, "quota", slice_from_string(quota));
	if (error == 0)
		error = line_put_list(out, "send-as", user.send_as);
	if (error == 0)
		error = line_format_secrets(&user, out);
	return error != 0 ? error : line_put_enabled(out, user.enabled);
}

static int
line_put_alias(struct buffer *out, struct slice value)
{
	struct record_alias alias;
	int error;

	if (!record_alias_decode(value, &alias))
		return -EBADMSG;
	error = line_put_list(out, "to", alias.targets);
	return error != 0 ? error : line_put_enabled(out, alias.enabled);
}

static int
line_put_route(struct buffer *out, struct slice value)
{
	char words[ROUTE_TEXT_MAX];
	struct route route;
	int error;

	if (!record_route_decode(value, &route))
		return -EBADMSG;
	error = line_put_field(out, "via", slice_from_string(route_format(&route, words)));
	if (error == 0 && route.tls != ROUTE_TLS_STANDARD)
		error = buffer_printf(out, " tls=%s", line_tls_word(route.tls));
	if (error == 0)
		error = line_put_field(out, "user", route.login);
	return error != 0 ? error : line_put_field(out, "password", route.password);
}

int
line_format(const struct admin_record *record, struct buffer *out)
{
	static const char *const nouns[] = {
		[ADMIN_DOMAIN] = "domain ", [ADMIN_USER] = "user ", [ADMIN_ALIAS] = "alias ", [ADMIN_ROUTE] = "route "
	};
	size_t begin = buffer_length(out);
	int error = buffer_append_string(out, nouns[record->noun]);

	if (error == 0)
		error = line_put_escaped(out, record->name);
	if (error == 0 && record->noun == ADMIN_DOMAIN)
		error = line_put_domain(out, record->record);
	else if (error == 0 && record->noun == ADMIN_USER)
		error = line_put_user(out, record->record);
	else if (error == 0 && record->noun == ADMIN_ALIAS)
		error = line_put_alias(out, record->record);
	else if (error == 0)
		error = line_put_route(out, record->record);
	if (error == 0)
		error = buffer_append_string(out, "\n");
	if (error != 0)
		buffer_truncate(out, begin);
	return error;
}
