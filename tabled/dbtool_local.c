/*
 * dbtool: a call without tabled, on the table itself, as the table's account.
 */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/io/durable.h"
#include "common/proc/account.h"
#include "tabled/dbtool.h"

enum {
	DIRECTORY_MODE = 0700,
};

/* The same directory that the parent of tabled would make. One that belongs to root was left by who was killed in doing that. */
static int
local_make_directory(const char *path, bool privileged, const struct account *account)
{
	struct stat status;
	int error = durable_make_directory(path, DIRECTORY_MODE);

	if (error == 0 && stat(path, &status) == -1)
		error = -errno;
	if (error != 0)
		return dbtool_fail(EX_CANTCREAT, "%s: %s", path, strerror(-error));
	if (privileged && status.st_uid == 0 && chown(path, account->uid, account->gid) == -1)
		return dbtool_fail(EX_OSERR, "%s: %s", path, strerror(errno));
	return 0;
}

/*
 * Files of the table must belong to its account, whoever makes them. There is no way back, and no need for
 * one.
 */
static int
local_become_account(struct dbtool *dbtool)
{
	bool privileged = account_privileged();
	struct account account = { 0 };
	int status;

	if (dbtool->dropped)
		return 0;
	if (privileged && account_find(dbtool->config.account_table, &account) != 0)
		return dbtool_fail(EX_CONFIG, "there is no account \"%s\" (account_table in %s)",
		                   dbtool->config.account_table, dbtool->options.line.config);
	status = local_make_directory(dbtool->config.table_directory, privileged, &account);
	if (status != 0)
		return status;
	if (privileged &&
	    (setgroups(0, NULL) == -1 || setresgid(account.gid, account.gid, account.gid) == -1 ||
	     setresuid(account.uid, account.uid, account.uid) == -1))
		return dbtool_fail(EX_OSERR, "cannot become %s: %s", dbtool->config.account_table,
		                   strerror(errno));
	dbtool->dropped = true;
	return 0;
}

static bool
local_on_progress(void *context, uint64_t done, uint64_t total)
{
	(void)context;
	progress_show("storing", done, total);
	return true;
}

int
local_run(struct dbtool *dbtool)
{
	struct resolve_settings settings;
	char message[TABLE_ERROR_SIZE];
	struct admin admin = { .file = dbtool->file, .settings = &settings, .progress = local_on_progress };
	int status = local_become_account(dbtool);
	int error;

	if (status != 0)
		return status;
	error = table_open(dbtool->config.table_directory, dbtool->config.table_cache_size, &admin.table,
	                   message);
	if (error == -EBUSY)
		return error;
	if (error != 0)
		return dbtool_fail(error == -EACCES ? EX_NOPERM : EX_TEMPFAIL, "%s", message);
	resolve_settings_from(&dbtool->config, &settings);
	admin_run(&admin, &dbtool->call);
	dbtool->reply = admin.reply;
	(void)table_checkpoint(admin.table);
	table_close(&admin.table);
	return 0;
}
