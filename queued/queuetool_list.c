/*
 * queuetool list, in the order of arrival: the call's file is mapped, and its frames are sorted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/mail/queueid.h"
#include "queued/queuetool.h"

/* One entry in the file. */
struct line {
	uint64_t id;
	uint64_t arrival; /* seconds since 1970 */
	struct slice payload;
};

struct lines {
	struct line *list;
	size_t count;
	size_t size;
};

static int
lines_add(struct lines *lines, struct slice payload)
{
	struct wire_reader reader = wire_read(payload);
	struct line *line;

	if (lines->count == lines->size) {
		size_t size = lines->size == 0 ? 1024 : lines->size * 2;
		struct line *list = reallocarray(lines->list, size, sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		lines->list = list;
		lines->size = size;
	}
	line = &lines->list[lines->count++];
	line->id = wire_get_u64(&reader);
	line->arrival = wire_get_u64(&reader);
	line->payload = payload;
	return 0;
}

static int
lines_read(struct lines *lines, struct slice file)
{
	struct wire_header header;
	struct slice payload;
	int error = 0;

	while (error == 0 && file.length > 0) {
		if (wire_next(file, QUEUE_FRAME_MAX, &header, &payload) != 1 || header.type != QUEUE_ENTRY)
			return -EPROTO;
		error = lines_add(lines, payload);
		file = slice_from(file, WIRE_HEADER_SIZE + (size_t)header.length);
	}
	return error;
}

static int
line_compare(const void *a, const void *b)
{
	const struct line *first = a;
	const struct line *second = b;

	if (first->arrival != second->arrival)
		return first->arrival < second->arrival ? -1 : 1;
	return first->id < second->id ? -1 : first->id > second->id;
}

/* ---- looks ---- */

static void
print_recipients(struct queue_entry *entry, const char *between)
{
	for (uint32_t i = 0; i < entry->count; i++) {
		fputs(i == 0 ? "" : between, stdout);
		plain_string(stdout, wire_get_slice(&entry->addresses));
	}
}

static void
print_entry(struct queue_entry *entry)
{
	char id[QUEUEID_SIZE], age[TOOL_TEXT_SIZE], size[TOOL_TEXT_SIZE], next[TOOL_TEXT_SIZE];
	int64_t now = clock_wall();

	queueid_format(entry->id, id);
	printf("%s  %6s  %6s  %-8s  %6s  ", id, tool_age(now - entry->arrival, age), tool_size(entry->size, size),
	       tool_state(entry->state), entry->next == 0 ? "-" : tool_age(entry->next - now, next));
	putchar('<');
	plain_string(stdout, entry->sender);
	fputs("> ", stdout);
	print_recipients(entry, ",");
	if (entry->left > entry->count)
		printf(" and %u more", (unsigned)(entry->left - entry->count));
	if (entry->text.length > 0) {
		fputs("\n               (", stdout);
		if (entry->status.length > 0) {
			plain_string(stdout, entry->status);
			putchar(' ');
		}
		plain_string(stdout, entry->text);
		putchar(')');
	}
	putchar('\n');
}

/* The look of sendmail's mailq, as programs that count lines know it from many mail servers. */
static void
print_mailq(struct queue_entry *entry)
{
	static const char marks[QUEUE_STATE_END] = {
		[QUEUE_ACTIVE] = '*', [QUEUE_NEW] = ' ', [QUEUE_DEFERRED] = ' ', [QUEUE_HELD] = '!', [QUEUE_PARKED] = ' '
	};
	time_t arrival = (time_t)entry->arrival;
	char id[QUEUEID_SIZE], date[TOOL_TEXT_SIZE] = "";
	struct tm local;

	queueid_format(entry->id, id);
	if (localtime_r(&arrival, &local) != NULL && strftime(date, sizeof(date), "%a %b %e %H:%M:%S", &local) == 0)
		date[0] = '\0';
	printf("%s%c %8ju %s  ", id, marks[entry->state], (uintmax_t)entry->size, date);
	plain_string(stdout, entry->sender.length == 0 ? SLICE("MAILER-DAEMON") : entry->sender);
	putchar('\n');
	if (entry->text.length > 0) {
		putchar('(');
		plain_string(stdout, entry->text);
		fputs(")\n", stdout);
	}
	for (uint32_t i = 0; i < entry->count; i++) {
		printf("%41s", "");
		plain_string(stdout, wire_get_slice(&entry->addresses));
		putchar('\n');
	}
	putchar('\n');
}

static void
print_mailq_end(const struct lines *lines)
{
	uint64_t bytes = 0;
	struct queue_entry entry;

	for (size_t i = 0; i < lines->count; i++) {
		struct wire_reader reader = wire_read(lines->list[i].payload);

		bytes += queue_entry_get(&reader, &entry) ? entry.size : 0;
	}
	if (lines->count == 0)
		puts("Mail queue is empty");
	else
		printf("-- %ju Kbytes in %zu Request%s.\n", (uintmax_t)(bytes / 1024), lines->count, lines->count == 1 ? "" : "s");
}

static int
show_lines(const struct tool *tool, const struct lines *lines)
{
	bool json = tool_wants_json(tool);
	bool mailq = (tool->options.line.given & OPTION_MAILQ) != 0;
	struct queue_entry entry;

	if (!json && lines->count > 0)
		puts(mailq ? "----Queue ID---- --Size-- ---Arrival Time--- --Sender/Recipient------"
		           : "QUEUE ID          AGE    SIZE  STATE       NEXT  SENDER AND RECIPIENTS");
	for (size_t i = 0; i < lines->count; i++) {
		struct wire_reader reader = wire_read(lines->list[i].payload);

		if (!queue_entry_get(&reader, &entry))
			return tool_fail(EX_SOFTWARE, "queued's answer is malformed");
		if (json) {
			fputs(i == 0 ? "[\n{" : ",\n{", stdout);
			tool_json_entry(&entry);
			putchar('}');
		} else if (mailq) {
			print_mailq(&entry);
		} else {
			print_entry(&entry);
		}
	}
	if (json)
		puts(lines->count == 0 ? "[]" : "\n]");
	else if (mailq)
		print_mailq_end(lines);
	return EX_OK;
}

int
tool_show_list(struct tool *tool)
{
	struct lines lines = { 0 };
	struct stat status;
	void *bytes = NULL;
	int result = EX_OK;
	int error;

	if (fstat(tool->file, &status) != 0)
		return tool_fail(EX_OSERR, "%s", strerror(errno));
	if (status.st_size > 0)
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, tool->file, 0);
	if (bytes == MAP_FAILED)
		return tool_fail(EX_OSERR, "%s", strerror(errno));
	error = lines_read(&lines, slice_of(bytes, (size_t)status.st_size));
	if (error == 0 && lines.count > 0)
		qsort(lines.list, lines.count, sizeof(lines.list[0]), line_compare);
	if (error == 0)
		result = show_lines(tool, &lines);
	else
		result = tool_fail(EX_SOFTWARE, "queued's answer cannot be read: %s", strerror(-error));
	free(lines.list);
	if (bytes != NULL)
		munmap(bytes, (size_t)status.st_size);
	return result;
}
