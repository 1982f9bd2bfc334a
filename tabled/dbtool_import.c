/*
 * dbtool: reads the lines of an import into the call's file, and finds what is wrong in them before anybody
 * is asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/io/durable.h"
#include "tabled/dbtool.h"
#include "tabled/line.h"

enum {
	FLUSH_AT = 256 * 1024,  /* bytes gathered before they go to the file */
	PROGRESS_EVERY = 1024,  /* lines */
};

struct reading {
	struct dbtool *dbtool;
	const char *name; /* of the input, for messages */
	FILE *in;
	uint64_t size;    /* bytes of the input, 0: not known */
	uint64_t done;    /* bytes */
	uint32_t number;  /* of the line */
	struct line line;
	struct buffer out;
};

static int
reading_flush(struct reading *reading)
{
	struct slice rest = buffer_slice(&reading->out);
	int error = durable_write(reading->dbtool->file, rest.data, rest.length);

	buffer_clear(&reading->out);
	return error == 0 ? 0 : dbtool_fail(EX_OSERR, "no memory for the import: %s", strerror(-error));
}

static int
reading_line(struct reading *reading, struct slice text)
{
	char problem[LINE_PROBLEM_SIZE];
	struct wire_writer writer;
	int found;

	reading->number++;
	if (reading->number % PROGRESS_EVERY == 0)
		progress_show("reading", reading->done, reading->size);
	if (text.length > 0 && text.data[text.length - 1] == '\r')
		text.length--;
	found = text.length > LINE_MAX_SIZE ? -EINVAL : line_parse(&reading->line, text, problem);
	if (found == 0)
		return 0;
	if (found < 0)
		return dbtool_fail(EX_DATAERR, "%s:%u: %s; nothing was imported", reading->name,
		                   reading->number,
		                   text.length > LINE_MAX_SIZE ? "the line is too long" : problem);
	writer = wire_begin(&reading->out, ADMIN_RECORD, 0, reading->number);
	admin_record_put(&writer, &reading->line.record);
	if (wire_end(&writer) != 0)
		return dbtool_fail(EX_DATAERR, "%s:%u: the line is too long; nothing was imported",
		                   reading->name, reading->number);
	return buffer_length(&reading->out) >= FLUSH_AT ? reading_flush(reading) : 0;
}

static int
reading_all(struct reading *reading)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t length;
	int status = 0;

	while (status == 0 && (length = getline(&text, &size, reading->in)) != -1) {
		reading->done += (uint64_t)length;
		if (length > 0 && text[length - 1] == '\n')
			length--;
		status = reading_line(reading, slice_of(text, (size_t)length));
	}
	if (status == 0 && ferror(reading->in))
		status = dbtool_fail(EX_IOERR, "%s: %s", reading->name, strerror(errno));
	if (status == 0)
		status = reading_flush(reading);
	free(text);
	return status;
}

int
prepare_import(struct dbtool *dbtool)
{
	bool standard = dbtool->argument_count == 0 || strcmp(dbtool->arguments[0], "-") == 0;
	struct reading reading = { .dbtool = dbtool,
		                   .name = standard ? "standard input" : dbtool->arguments[0] };
	struct stat file;
	int status;

	reading.in = standard ? stdin : fopen(dbtool->arguments[0], "re");
	if (reading.in == NULL)
		return dbtool_fail(EX_NOINPUT, "%s: %s", reading.name, strerror(errno));
	if (fstat(fileno(reading.in), &file) == 0 && S_ISREG(file.st_mode))
		reading.size = (uint64_t)file.st_size;
	line_init(&reading.line);
	buffer_init(&reading.out, ADMIN_FRAME_MAX + 2 * FLUSH_AT);
	status = reading_all(&reading);
	line_free(&reading.line);
	buffer_free(&reading.out);
	if (!standard)
		fclose(reading.in);
	return status;
}
