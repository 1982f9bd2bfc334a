/*
 * libunbound's own lines, in our log. See lookups_log.h.
 */
#include "relayd/lookups_log.h"

#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/slice.h"

static int64_t next_line; /* clock_monotonic_ms */
static uint64_t left_out; /* since the last line */

/* A line is "[1700000000] libunbound[17:0] error: can't create socket: Too many open files". */
static ssize_t
lookups_log_take(void *cookie, const char *data, size_t length)
{
	struct slice words = slice_first(slice_of(data, length), slice_find(slice_of(data, length), '\n'));
	int64_t now = clock_monotonic_ms();

	(void)cookie;
	if (now < next_line) {
		left_out++;
		return (ssize_t)length;
	}
	(void)slice_word(&words);
	(void)slice_word(&words);
	log_event(LOG_WARNING, "resolver.library", LOG_SLICE("text", slice_trim(words)), LOG_UINT("left_out", left_out));
	next_line = now + LOOKUPS_LOG_MS;
	left_out = 0;
	return (ssize_t)length;
}

FILE *
lookups_log(void)
{
	static FILE *file;

	if (file == NULL)
		file = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = lookups_log_take });
	if (file != NULL)
		setvbuf(file, NULL, _IOLBF, BUFSIZ);
	return file;
}
