/*
 * dbtool: a progress bar on standard error, when that is a terminal.
 */
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tabled/dbtool.h"

enum {
	BAR_WIDTH = 40,   /* characters */
	REDRAW_MS = 100,
};

static int64_t drawn;  /* clock_monotonic_ms of the last bar, 0: none is shown */

void
progress_show(const char *title, uint64_t done, uint64_t total)
{
	char bar[BAR_WIDTH + 1];
	int64_t now = clock_monotonic_ms();
	uint64_t filled;

	if (total == 0 || now - drawn < REDRAW_MS || !isatty(STDERR_FILENO))
		return;
	drawn = now;
	if (done > total)
		done = total;
	filled = (uint64_t)((double)done / (double)total * BAR_WIDTH);
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3u %%", title, bar, (unsigned)((double)done / (double)total * 100));
	fflush(stderr);
}

void
progress_end(void)
{
	if (drawn == 0)
		return;
	drawn = 0;
	fputs("\r\033[K", stderr);
}
