/*
 * dbtool: records as JSON (RFC 8259).
 */
#include "tabled/dbtool.h"

/* Bytes of a UTF-8 sequence that begins with FIRST (RFC 3629 4), or 0. */
static size_t
json_utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first >= 0xf5)
		return 0;
	if (first < 0xe0)
		return 2;
	return first < 0xf0 ? 3 : 4;
}

/* Bytes of the UTF-8 sequence at the beginning of TEXT, or 0 when it is none. */
static size_t
json_utf8(struct slice text)
{
	unsigned char first = (unsigned char)text.data[0];
	size_t length = json_utf8_length(first);
	unsigned char second;

	if (length > text.length)
		return 0;
	if (length <= 1)
		return length;
	second = (unsigned char)text.data[1];
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)text.data[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

void
json_string(FILE *out, struct slice text)
{
	putc('"', out);
	while (text.length > 0) {
		unsigned char c = (unsigned char)text.data[0];
		size_t length = json_utf8(text);

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (length == 0 || c < ' ' || c == 127)
			fprintf(out, "\\u%04x", length == 0 ? 0xfffdU : c);
		else
			fwrite(text.data, 1, length, out);
		text = slice_from(text, length == 0 ? 1 : length);
	}
	putc('"', out);
}

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

void
json_record(FILE *out, const struct admin_record *record)
{
	static const char *const keys[] = {
		[ADMIN_DOMAIN] = "domain", [ADMIN_USER] = "login", [ADMIN_ALIAS] = "alias"
	};
	bool whole;

	fprintf(out, "{\"%s\": ", keys[record->noun]);
	json_string(out, record->name);
	if (record->noun == ADMIN_DOMAIN)
		whole = json_domain(out, record);
	else if (record->noun == ADMIN_USER)
		whole = json_user(out, record);
	else
		whole = json_alias(out, record);
	fputs(whole ? "}" : ", \"damaged\": true}", out);
}
