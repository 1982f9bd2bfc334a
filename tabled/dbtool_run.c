/*
 * dbtool: does the call, by tabled or without it, and waits while one of them is about to be possible.
 */
#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tabled/dbtool.h"

enum {
	PATIENCE_MS = 15000, /* while tabled starts, or another dbtool has the table */
	RETRY_MS = 50,
};

/* Whether doing it twice is the same as doing it once. */
static bool
run_repeatable(const struct admin_call *call)
{
	switch (call->verb) {
	case ADMIN_ADD:
	case ADMIN_IMPORT:
		return (call->flags & ADMIN_IF_NOT_EXISTS) != 0;
	case ADMIN_DELETE:
		return (call->flags & ADMIN_IF_EXISTS) != 0;
	default:
		return true;
	}
}

/* An import's file is input, and stays; any other call's is output, and begins anew. */
static int
run_prepare_file(const struct dbtool *dbtool)
{
	if (dbtool->call.verb != ADMIN_IMPORT && ftruncate(dbtool->file, 0) == -1)
		return -errno;
	return lseek(dbtool->file, 0, SEEK_SET) == -1 ? -errno : 0;
}

/* 0, a sysexits(3) code after it was said what failed, or a negative errno value. */
static int
run_once(struct dbtool *dbtool)
{
	int error = run_prepare_file(dbtool);

	if (error == 0)
		error = remote_run(dbtool);
	if (error == -ENOENT || error == -ECONNREFUSED)
		error = local_run(dbtool);
	return error;
}

int
dbtool_run(struct dbtool *dbtool)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	int error;

	for (;;) {
		error = run_once(dbtool);
		if (error != -EBUSY && !(error == -ECONNRESET && run_repeatable(&dbtool->call)))
			break;
		if (clock_monotonic_ms() > deadline)
			break;
		nanosleep(&pause, NULL);
	}
	if (error >= 0)
		return error;
	switch (error) {
	case -EBUSY:
		return dbtool_fail(EX_TEMPFAIL, "another program has the table in %s open",
		                   dbtool->config.table_directory);
	case -ECONNRESET:
		return dbtool_fail(EX_TEMPFAIL,
		                   "tabled went away before it answered; look whether the change was made");
	case -ETIMEDOUT:
		return dbtool_fail(EX_TEMPFAIL, "tabled does not answer; look whether the change was made");
	case -EACCES:
	case -EPERM:
		return dbtool_fail(EX_NOPERM, "only root may manage the table in %s",
		                   dbtool->config.table_directory);
	default:
		return dbtool_fail(EX_TEMPFAIL, "%s", strerror(-error));
	}
}
