/*
 * The table in Berkeley DB 5.3: the only file that includes <db.h>.
 *
 * One B-tree file for each space in one transactional environment. The environment is private to this process
 * (DB_PRIVATE), and this process uses it from one thread: there is nobody to lock out, so the locking
 * subsystem is not even started, no deadlock can happen, and a transaction may be as large as the disk
 * allows. That no second process opens it is ensured by flock(2) on the file "lock".
 */
#include "tabled/table.h"

#include "tabled/table_files.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE_FORMAT "1"

enum {
	PAGE_SIZE_BYTES = 4096,           /* the block of common file systems: a page is torn by no crash */
	LOG_FILE_SIZE = 16 * 1024 * 1024, /* bytes of one log file */
	LOG_BUFFER_SIZE = 1024 * 1024,    /* bytes, gathered before a write */
	CHECKPOINT_AFTER = 4 * 1024,      /* KiB of log; recovery reads little more than this */
	SPACE_RESERVE = 32 * 1024 * 1024, /* bytes that must stay free: a log that cannot grow stops all */
	CACHE_MIN = 1024 * 1024, /* bytes */
	PRIVATE_MODE = 0600,
	MESSAGE_SIZE = 200, /* bytes of what Berkeley DB said, with its NUL */
};

static const char *const files[TABLE_SPACE_COUNT] = {
	[TABLE_SPACE_META] = "meta.db",
	[TABLE_SPACE_DOMAIN] = "domains.db",
	[TABLE_SPACE_USER] = "users.db",
	[TABLE_SPACE_ALIAS] = "aliases.db",
	[TABLE_SPACE_ROUTE] = "routes.db",
};

struct table {
	int lock_fd;
	int directory_fd;
	DB_ENV *env;
	DB *spaces[TABLE_SPACE_COUNT];
	DB_TXN *transaction;
	bool broken;
	char message[MESSAGE_SIZE];
	void *scratch; /* what the last get returned; grows */
	u_int32_t scratch_size;
};

/* Berkeley DB explains its errors only here, first what happened and then what came of it. */
static void
table_on_message(const DB_ENV *env, const char *prefix, const char *message)
{
	struct table *table = env->app_private;

	(void)prefix;
	if (table->message[0] == '\0')
		snprintf(table->message, sizeof(table->message), "%s", message);
}

/* Berkeley DB returns 0, errno values, or its own negative codes. */
static int
table_result(struct table *table, int result)
{
	switch (result) {
	case 0:
		return 0;
	case DB_NOTFOUND:
		return -ENOENT;
	case DB_KEYEXIST:
		return -EEXIST;
	case DB_RUNRECOVERY:
		table->broken = true;
		return -EIO;
	default:
		break;
	}
	if (table->message[0] == '\0')
		snprintf(table->message, sizeof(table->message), "%s", db_strerror(result));
	return result > 0 ? -result : -EIO;
}

static DBT
table_thing(struct slice s)
{
	DBT thing = { 0 };

	thing.data = (void *)(uintptr_t)s.data; /* the library does not write to what is put */
	thing.size = (u_int32_t)s.length;
	return thing;
}

static int
table_lock(struct table *table, const char *directory)
{
	table->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (table->directory_fd == -1)
		return -errno;
	table->lock_fd =
		openat(table->directory_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PRIVATE_MODE);
	if (table->lock_fd == -1)
		return -errno;
	if (flock(table->lock_fd, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

static int
table_open_environment(struct table *table, const char *directory, uint64_t cache)
{
	const u_int32_t flags =
		DB_CREATE | DB_INIT_MPOOL | DB_INIT_LOG | DB_INIT_TXN | DB_RECOVER | DB_PRIVATE;
	int result;

	table_files_init();
	result = db_env_create(&table->env, 0);
	if (result != 0) {
		table->env = NULL;
		return result;
	}
	table->env->app_private = table;
	table->env->set_errcall(table->env, table_on_message);
	if (cache < CACHE_MIN)
		cache = CACHE_MIN;
	result = table->env->set_cachesize(table->env, (u_int32_t)(cache >> 30),
	                                   (u_int32_t)(cache & ((1U << 30) - 1)), 1);
	if (result == 0)
		result = table->env->set_lg_bsize(table->env, LOG_BUFFER_SIZE);
	if (result == 0)
		result = table->env->set_lg_max(table->env, LOG_FILE_SIZE);
	if (result == 0)
		result = table->env->log_set_config(table->env, DB_LOG_AUTO_REMOVE, 1);
	if (strcmp(directory, "/") == 0) /* in a chroot; Berkeley DB would make "" of it */
		directory = "/.";
	return result != 0 ? result : table->env->open(table->env, directory, flags, PRIVATE_MODE);
}

static int
table_open_space(struct table *table, enum table_space space)
{
	int result = db_create(&table->spaces[space], table->env, 0);
	DB *db = table->spaces[space];

	if (result != 0) {
		table->spaces[space] = NULL;
		return result;
	}
	result = db->set_pagesize(db, PAGE_SIZE_BYTES);
	if (result == 0)
		result = db->set_flags(db, DB_CHKSUM);
	if (result == 0)
		result = db->open(db, NULL, files[space], NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT,
		                  PRIVATE_MODE);
	return result;
}

/* A table of a later release is not touched. */
static int
table_check_format(struct table *table)
{
	struct buffer value;
	int error;

	buffer_init(&value, TABLE_VALUE_MAX);
	error = table_get(table, TABLE_SPACE_META, SLICE("format"), &value);
	if (error == -ENOENT) {
		error = table_begin(table);
		if (error == 0)
			error = table_put(table, TABLE_SPACE_META, SLICE("format"), SLICE(TABLE_FORMAT));
		if (error == 0)
			error = table_commit(table);
	} else if (error == 0 && !slice_equal(buffer_slice(&value), SLICE(TABLE_FORMAT))) {
		snprintf(table->message, sizeof(table->message),
		         "the table has a format that this release does not know");
		error = -ENOTSUP;
	}
	buffer_free(&value);
	return error;
}

static int
table_start(struct table *table, const char *directory, uint64_t cache)
{
	int error = table_lock(table, directory);

	if (error == 0)
		error = table_files_settle(table->directory_fd, table->message, sizeof(table->message));
	if (error != 0)
		return error;
	error = table_result(table, table_open_environment(table, directory, cache));
	for (int space = 0; error == 0 && space < TABLE_SPACE_COUNT; space++)
		error = table_result(table, table_open_space(table, (enum table_space)space));
	if (error == 0)
		error = table_check_format(table);
	return error;
}

static void
table_explain(const struct table *table, const char *directory, int result, char *error)
{
	const char *file = table->env == NULL ? "" : table_files_failure();

	if (result == -EBUSY)
		snprintf(error, TABLE_ERROR_SIZE, "%s: the table is open in another process", directory);
	else
		snprintf(error, TABLE_ERROR_SIZE, "%s: %s%s%s", directory, table->message[0] != '\0' ? table->message : strerror(-result),
		         file[0] != '\0' ? "; " : "", file);
}

int
table_open(const char *directory, uint64_t cache, struct table **table_r, char *error)
{
	struct table *table = calloc(1, sizeof(*table));
	int result;

	*table_r = NULL;
	if (table == NULL) {
		snprintf(error, TABLE_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	table->lock_fd = table->directory_fd = -1;
	result = table_start(table, directory, cache);
	if (result == 0) {
		*table_r = table;
		return 0;
	}
	table_explain(table, directory, result, error);
	table_close(&table);
	return result;
}

void
table_close(struct table **table_pointer)
{
	struct table *table = *table_pointer;

	if (table == NULL)
		return;
	*table_pointer = NULL;
	table_abort(table);
	for (int space = 0; space < TABLE_SPACE_COUNT; space++)
		if (table->spaces[space] != NULL)
			(void)table->spaces[space]->close(table->spaces[space], 0);
	if (table->env != NULL)
		(void)table->env->close(table->env, 0);
	if (table->lock_fd != -1)
		close(table->lock_fd);
	if (table->directory_fd != -1)
		close(table->directory_fd);
	free(table->scratch);
	free(table);
}

static int
table_check_space(struct table *table)
{
	struct statvfs disk;

	if (fstatvfs(table->lock_fd, &disk) == -1)
		return -errno;
	if ((uint64_t)disk.f_bavail * disk.f_frsize >= SPACE_RESERVE)
		return 0;
	snprintf(table->message, sizeof(table->message), "less than %d MiB are free on the disk of the table",
	         SPACE_RESERVE / (1024 * 1024));
	return -ENOSPC;
}

int
table_begin(struct table *table)
{
	int error = table_check_space(table);

	if (error != 0)
		return error;
	table->message[0] = '\0';
	return table_result(table, table->env->txn_begin(table->env, NULL, &table->transaction, 0));
}

int
table_commit(struct table *table)
{
	DB_TXN *transaction = table->transaction;
	int error;

	table->transaction = NULL;
	error = table_result(table, transaction->commit(transaction, DB_TXN_SYNC));
	/*
	 * Committed or not, it is perhaps not durable, and a later sync of the log would not say so again: nothing
	 * may be built on it before a recovery has read what is there.
	 */
	if (error != 0)
		table->broken = true;
	return error;
}

void
table_abort(struct table *table)
{
	DB_TXN *transaction = table->transaction;

	if (transaction == NULL)
		return;
	table->transaction = NULL;
	(void)table_result(table, transaction->abort(transaction));
}

int
table_get(struct table *table, enum table_space space, struct slice key, struct buffer *value)
{
	DB *db = table->spaces[space];
	DBT key_thing = table_thing(key);
	DBT value_thing = { .data = table->scratch, .ulen = table->scratch_size, .flags = DB_DBT_USERMEM };
	int result = db->get(db, table->transaction, &key_thing, &value_thing, 0);

	if (result == DB_BUFFER_SMALL) {
		void *scratch = realloc(table->scratch, value_thing.size);

		if (scratch == NULL)
			return -ENOMEM;
		table->scratch = value_thing.data = scratch;
		table->scratch_size = value_thing.ulen = value_thing.size;
		result = db->get(db, table->transaction, &key_thing, &value_thing, 0);
	}
	if (result != 0)
		return table_result(table, result);
	buffer_clear(value);
	return buffer_append(value, value_thing.data, value_thing.size);
}

int
table_put(struct table *table, enum table_space space, struct slice key, struct slice value)
{
	DB *db = table->spaces[space];
	DBT key_thing = table_thing(key);
	DBT value_thing = table_thing(value);

	if (value.length > TABLE_VALUE_MAX)
		return -EMSGSIZE;
	return table_result(table, db->put(db, table->transaction, &key_thing, &value_thing, 0));
}

int
table_delete(struct table *table, enum table_space space, struct slice key)
{
	DB *db = table->spaces[space];
	DBT key_thing = table_thing(key);

	return table_result(table, db->del(db, table->transaction, &key_thing, 0));
}

static int
table_scan_cursor(struct table *table, DBC *cursor, struct slice prefix,
                  int (*each)(void *context, struct slice key, struct slice value), void *context)
{
	DBT key = table_thing(prefix);
	DBT value = { 0 };
	int result = cursor->get(cursor, &key, &value, prefix.length == 0 ? DB_FIRST : DB_SET_RANGE);

	while (result == 0) {
		struct slice found = slice_of(key.data, key.size);
		int stop;

		if (!slice_equal(slice_first(found, prefix.length), prefix))
			return 0;
		stop = each(context, found, slice_of(value.data, value.size));
		if (stop != 0)
			return stop;
		result = cursor->get(cursor, &key, &value, DB_NEXT);
	}
	return result == DB_NOTFOUND ? 0 : table_result(table, result);
}

int
table_scan(struct table *table, enum table_space space, struct slice prefix,
           int (*each)(void *context, struct slice key, struct slice value), void *context)
{
	DB *db = table->spaces[space];
	DBC *cursor;
	int result = db->cursor(db, table->transaction, &cursor, 0);

	if (result != 0)
		return table_result(table, result);
	result = table_scan_cursor(table, cursor, prefix, each, context);
	(void)cursor->close(cursor);
	return result;
}

int
table_checkpoint(struct table *table)
{
	int error = table_result(table, table->env->txn_checkpoint(table->env, CHECKPOINT_AFTER, 0, 0));

	/* The next one would believe what this one could not sync, and remove the log that still has it. */
	if (error != 0)
		table->broken = true;
	return error;
}

bool
table_is_broken(const struct table *table)
{
	return table->broken;
}

const char *
table_message(const struct table *table)
{
	return table->message[0] != '\0' ? table->message : "the storage failed";
}
