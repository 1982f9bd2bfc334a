/*
 * Dots doubled by giving the same one out twice.
 */
#include "relayd/dots.h"

struct slice
dots_next(struct dots *dots, struct slice *rest)
{
	struct slice run = *rest;
	const char *at;

	if (rest->length == 0)
		return *rest;
	if (dots->line_start && !dots->doubled && rest->data[0] == '.') {
		dots->doubled = true;
		return slice_first(*rest, 1);
	}
	at = memmem(rest->data, rest->length, "\n.", 2);
	if (at != NULL)
		run.length = (size_t)(at - rest->data) + 1;
	dots->doubled = false;
	dots->line_start = run.data[run.length - 1] == '\n';
	dots->after_cr = run.data[run.length - 1] == '\r';
	*rest = slice_from(*rest, run.length);
	return run;
}

struct slice
dots_end(const struct dots *dots)
{
	if (dots->line_start)
		return SLICE(".\r\n");
	return dots->after_cr ? SLICE("\n.\r\n") : SLICE("\r\n.\r\n");
}
