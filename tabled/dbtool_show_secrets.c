/*
 * dbtool: shows app passwords: a new one itself, of others the names.
 */
#include <errno.h>
#include <inttypes.h>
#include <sysexits.h>
#include <time.h>

#include "common/base/json.h"
#include "common/ipc/call.h"
#include "tabled/dbtool.h"

int
show_app_password(struct dbtool *dbtool)
{
	if (dbtool->options.password == PASSWORD_ASK) {
		plain_string(stdout, buffer_slice(&dbtool->secret));
		putchar('\n');
	} else if (!dbtool->options.line.quiet) {
		printf("%s\n", dbtool->reply.message);
	}
	return EX_OK;
}

static void
show_date(uint64_t when)
{
	time_t seconds = (time_t)when;
	char text[sizeof("2026-11-22 12:00")] = "?";
	struct tm parts;

	if (localtime_r(&seconds, &parts) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &parts);
	fputs(text, stdout);
}

static void
show_list(struct record_list secrets, bool json)
{
	struct record_secret secret;
	bool first = true;

	fputs(json ? "[" : "", stdout);
	while (record_secret_next(&secrets, &secret)) {
		if (secret.name.length == 0)
			continue;
		if (json) {
			fputs(first ? "{\"name\": " : ", {\"name\": ", stdout);
			json_string(stdout, secret.name);
			printf(", \"created\": %" PRIu64 "}", secret.created);
		} else {
			plain_string(stdout, secret.name);
			putchar('\t');
			show_date(secret.created);
			putchar('\n');
		}
		first = false;
	}
	fputs(json ? "]\n" : "", stdout);
}

static int
show_one(void *context, const struct wire_header *header, struct slice payload)
{
	const struct dbtool *dbtool = context;
	struct wire_reader reader = wire_read(payload);
	struct admin_record record;
	struct record_user user;

	if (header->type != ADMIN_RECORD || !admin_record_get(&reader, &record) || !record_user_decode(record.record, &user))
		return -EPROTO;
	show_list(user.secrets, (dbtool->options.line.given & OPTION_JSON) != 0);
	return 0;
}

int
show_app_passwords(struct dbtool *dbtool)
{
	if (call_read_file(dbtool->file, ADMIN_FRAME_MAX, show_one, dbtool) != 0)
		return dbtool_fail(EX_SOFTWARE, "the record is damaged; run: dbtool check");
	return EX_OK;
}
