/*
 * One line of the log, composed in memory. Others use common/base/log.h.
 */
#ifndef ANGARIUM_BASE_LOG_LINE_H
#define ANGARIUM_BASE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/log.h"
#include "common/base/slice.h"

enum log_line_limits {
	LOG_LINE_MAX = 2048, /* bytes of a line, with its line end */
	LOG_VALUE_MAX = 512, /* bytes of a value that are shown, so that it cannot push others off the line */
};

/*
 * A line is never longer than LOG_LINE_MAX; what had to be left out is marked by "..." where it would have stood.
 */
struct log_line {
	char data[LOG_LINE_MAX];
	size_t length;
	bool full;   /* something did not fit: nothing more is put in */
	bool marked; /* and the mark of it stands in the line */
};

void log_line_begin(struct log_line *line);
/* As it is; for our own words only. */
void log_line_raw(struct log_line *line, const char *text);
/* " key=value", the value quoted and escaped where needed. */
void log_line_field(struct log_line *line, const struct log_field *field);
/* Puts the line end. */
void log_line_end(struct log_line *line);

#endif
