/*
 * dbtool: shows what a call wrote into its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/ipc/call.h"
#include "tabled/dbtool.h"
#include "tabled/line.h"

struct show {
	struct dbtool *dbtool;
	FILE *out;
	uint64_t count;
	struct buffer line;
};

static void
show_list(FILE *out, struct record_list list)
{
	struct slice item;
	bool first = true;

	while (record_list_next(&list, &item)) {
		if (!first)
			fputs(", ", out);
		plain_string(out, item);
		first = false;
	}
}

/* "yescrypt" of "$y$...". */
static const char *
show_scheme(struct slice password)
{
	static const struct {
		const char *prefix;
		const char *name;
	} schemes[] = {
		{ "$y$", "yescrypt" }, { "$gy$", "gost-yescrypt" }, { "$7$", "scrypt" }, { "$2", "bcrypt" },
		{ "$6$", "sha512crypt" }, { "$5$", "sha256crypt" }, { "$1$", "md5crypt" },
	};

	if (password.length == 0)
		return "none: no login";
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (slice_starts_nocase(password, slice_from_string(schemes[i].prefix)))
			return schemes[i].name;
	return "of another scheme";
}

static void
show_user(FILE *out, const struct admin_record *record)
{
	struct record_secret secret;
	struct record_user user;
	char quota[32];

	if (!record_user_decode(record->record, &user)) {
		fputs("the record is damaged\n", out);
		return;
	}
	line_format_size(user.quota, quota);
	fputs("login:    ", out);
	plain_string(out, record->name);
	fputs("\nmailbox:  ", out);
	plain_string(out, user.path);
	fprintf(out, "\nquota:    %s\npassword: %s\nenabled:  %s\n", user.quota == 0 ? "none" : quota,
	        show_scheme(user.password), user.enabled ? "yes" : "no");
	fprintf(out, "SCRAM:    %s\n", record_secret_find(user.secrets, SLICE(""), &secret) ? "yes" : "no");
	if (user.send_as.count > 0) {
		fputs("send as:  ", out);
		show_list(out, user.send_as);
		putc('\n', out);
	}
}

/* Never the password. */
static void
show_route(FILE *out, const struct admin_record *record)
{
	char words[ROUTE_TEXT_MAX];
	struct route route;

	if (!record_route_decode(record->record, &route)) {
		fputs("the record is damaged\n", out);
		return;
	}
	fputs("route:    ", out);
	plain_string(out, record->name);
	fputs("\nvia:      ", out);
	plain_string(out, slice_from_string(route_format(&route, words)));
	fprintf(out, "\nTLS:      %s\nlogin:    ", line_tls_word(route.tls));
	plain_string(out, route.login.length > 0 ? route.login : SLICE("none"));
	putc('\n', out);
}

/* The fields of a route in a list. */
static void
show_route_fields(FILE *out, const struct route *route)
{
	char words[ROUTE_TEXT_MAX];

	putc('\t', out);
	plain_string(out, slice_from_string(route_format(route, words)));
	if (route->tls != ROUTE_TLS_STANDARD)
		fprintf(out, "\ttls=%s", line_tls_word(route->tls));
	if (route->login.length > 0) {
		fputs("\tuser=", out);
		plain_string(out, route->login);
	}
}

/* One line of a list: the name first, so that scripts can take the first word. */
static void
show_line(FILE *out, const struct admin_record *record)
{
	struct record_domain domain;
	struct record_user user;
	struct record_alias alias;
	struct route route;
	bool enabled = true;

	plain_string(out, record->name);
	if (record->noun == ADMIN_DOMAIN && record_domain_decode(record->record, &domain)) {
		fputs(domain.kind == RECORD_DOMAIN_RELAY ? "\trelay" : "", out);
		enabled = domain.enabled;
	} else if (record->noun == ADMIN_USER && record_user_decode(record->record, &user)) {
		enabled = user.enabled;
	} else if (record->noun == ADMIN_ALIAS && record_alias_decode(record->record, &alias)) {
		fputs("\t", out);
		show_list(out, alias.targets);
		enabled = alias.enabled;
	} else if (record->noun == ADMIN_ROUTE && record_route_decode(record->record, &route)) {
		show_route_fields(out, &route);
	} else {
		fputs("\tdamaged", out);
	}
	fputs(enabled ? "\n" : "\tdisabled\n", out);
}

/* The next record of the file. */
static bool
show_decode(const struct wire_header *header, struct slice payload, struct admin_record *record_r)
{
	struct wire_reader reader = wire_read(payload);

	return header->type == ADMIN_RECORD && admin_record_get(&reader, record_r);
}

static int
show_record(void *context, const struct wire_header *header, struct slice payload)
{
	struct show *show = context;
	bool single = show->dbtool->call.verb == ADMIN_SHOW;
	struct admin_record record;

	if (!show_decode(header, payload, &record))
		return -EPROTO;
	if ((show->dbtool->options.line.given & OPTION_JSON) != 0) {
		if (!single)
			fputs(show->count == 0 ? "[\n" : ",\n", show->out);
		json_record(show->out, &record);
	} else if (single && record.noun == ADMIN_USER) {
		show_user(show->out, &record);
	} else if (single && record.noun == ADMIN_ROUTE) {
		show_route(show->out, &record);
	} else {
		show_line(show->out, &record);
	}
	show->count++;
	return 0;
}

int
show_records(struct dbtool *dbtool)
{
	struct show show = { .dbtool = dbtool, .out = stdout };

	if (call_read_file(dbtool->file, ADMIN_FRAME_MAX, show_record, &show) != 0)
		return dbtool_fail(EX_SOFTWARE, "the answer is malformed");
	if ((dbtool->options.line.given & OPTION_JSON) != 0 && dbtool->call.verb == ADMIN_LIST)
		fputs(show.count == 0 ? "[]" : "\n]", stdout);
	if ((dbtool->options.line.given & OPTION_JSON) != 0)
		putchar('\n');
	return EX_OK;
}

static int
show_export_record(void *context, const struct wire_header *header, struct slice payload)
{
	struct show *show = context;
	struct admin_record record;

	if (!show_decode(header, payload, &record))
		return -EPROTO;
	buffer_clear(&show->line);
	if (line_format(&record, &show->line) != 0)
		return -EBADMSG;
	fwrite(show->line.data, 1, buffer_length(&show->line), show->out);
	return 0;
}

/* Standard output for "-". Password hashes are nobody's to read but the owner's. */
static FILE *
show_open(const char *path)
{
	FILE *out;
	int fd;

	if (strcmp(path, "-") == 0)
		return stdout;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	out = fd == -1 ? NULL : fdopen(fd, "w");
	if (out == NULL && fd != -1)
		close(fd);
	return out;
}

int
show_export(struct dbtool *dbtool)
{
	bool json = (dbtool->options.line.given & OPTION_JSON) != 0;
	const char *path = dbtool->argument_count > 0 ? dbtool->arguments[0] : "-";
	struct show show = { .dbtool = dbtool, .out = show_open(path) };
	int result;

	if (show.out == NULL)
		return dbtool_fail(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	buffer_init(&show.line, LINE_MAX_SIZE);
	result = call_read_file(dbtool->file, ADMIN_FRAME_MAX, json ? show_record : show_export_record, &show);
	buffer_free(&show.line);
	if (json)
		fputs(show.count == 0 ? "[]\n" : "\n]\n", show.out);
	if (show.out != stdout && fclose(show.out) != 0)
		return dbtool_fail(EX_IOERR, "%s: %s", path, strerror(errno));
	return result == 0 ? EX_OK : dbtool_fail(EX_SOFTWARE, "a record is damaged; run: dbtool check");
}

static int
show_note(void *context, const struct wire_header *header, struct slice payload)
{
	struct wire_reader reader = wire_read(payload);
	struct slice text = wire_get_slice(&reader);

	(void)context;
	if (header->type != ADMIN_NOTE || !wire_done(&reader))
		return -EPROTO;
	plain_string(stdout, text);
	putchar('\n');
	return 0;
}

int
show_notes(struct dbtool *dbtool)
{
	if (call_read_file(dbtool->file, ADMIN_FRAME_MAX, show_note, NULL) != 0)
		return dbtool_fail(EX_SOFTWARE, "the answer is malformed");
	if (!dbtool->options.line.quiet)
		printf("%s\n", dbtool->reply.message);
	return dbtool->reply.count == 0 ? EX_OK : EX_DATAERR;
}
