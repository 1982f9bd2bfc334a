/*
 * A table in a directory of its own, for tests.
 */
#ifndef ANGARIUM_T_UNIT_TABLE_FIXTURE_H
#define ANGARIUM_T_UNIT_TABLE_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tabled/table.h"

struct fixture {
	char directory[64];
	struct table *table;
};

static inline void
fixture_open_table(struct fixture *fixture)
{
	char message[TABLE_ERROR_SIZE];
	int error = table_open(fixture->directory, 1024 * 1024, &fixture->table, message);

	ck_assert_msg(error == 0, "%s", error == 0 ? "" : message);
}

static inline void
fixture_open(struct fixture *fixture)
{
	strlcpy(fixture->directory, "/tmp/test_table.XXXXXX", sizeof(fixture->directory));
	ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
	fixture_open_table(fixture);
}

static inline int
fixture_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void
fixture_close(struct fixture *fixture)
{
	table_close(&fixture->table);
	nftw(fixture->directory, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
