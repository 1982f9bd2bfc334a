/*
 * A table with the index that its changes make, for tests of what an administrator does.
 */
#ifndef ANGARIUM_T_UNIT_TABLE_WORLD_H
#define ANGARIUM_T_UNIT_TABLE_WORLD_H

#include <sys/mman.h>
#include <unistd.h>

#include "t/unit/table_fixture.h"
#include "t/unit/unit.h"
#include "tabled/admin.h"
#include "tabled/line.h"

/* A table, what is in memory of it, and the reply to the last call. */
struct world {
	struct fixture fixture;
	struct resolve_settings settings;
	struct index *index;
	struct admin_reply reply;
	int file;
};

static struct world world;

static inline void
world_open(void)
{
	static struct config config;

	fixture_open(&world.fixture);
	config_defaults(&config);
	strlcpy(config.hostname, "mx.example.org", sizeof(config.hostname));
	config.subaddress_separator = '+';
	config.alias_depth = 5;
	config.alias_targets = 50;
	resolve_settings_from(&config, &world.settings);
	world.index = index_new();
	world.file = memfd_create("test", MFD_CLOEXEC);
}

static inline void
world_close(void)
{
	index_free(&world.index);
	close(world.file);
	fixture_close(&world.fixture);
}

static inline enum admin_status
run(const struct admin_call *call)
{
	struct index_changes changes = STAILQ_HEAD_INITIALIZER(changes);
	struct admin admin = { .table = world.fixture.table,
		               .settings = &world.settings,
		               .file = world.file,
		               .changes = &changes };
	struct index_entry *entry;

	ck_assert_int_eq(lseek(world.file, 0, SEEK_SET), 0);
	admin_run(&admin, call);
	world.reply = admin.reply;
	while ((entry = STAILQ_FIRST(&changes)) != NULL) {
		STAILQ_REMOVE_HEAD(&changes, queued);
		index_apply(world.index, entry);
	}
	return admin.reply.status;
}

/* A call with the record of an import's line. */
static inline enum admin_status
call_line(enum admin_verb verb, uint32_t flags, uint32_t fields, const char *text)
{
	char problem[LINE_PROBLEM_SIZE] = "";
	struct admin_call call = { .verb = verb, .flags = flags, .fields = fields };
	enum admin_status status;
	struct line line;

	line_init(&line);
	ck_assert_msg(line_parse(&line, slice_from_string(text), problem) == 1, "%s: %s", text, problem);
	call.noun = line.record.noun;
	call.name = line.record.name;
	call.record = line.record.record;
	status = run(&call);
	line_free(&line);
	return status;
}

static inline enum admin_status
add(const char *text)
{
	return call_line(ADMIN_ADD, 0, 0, text);
}

static inline enum admin_status
del(enum admin_noun noun, const char *name, uint32_t flags)
{
	struct admin_call call = {
		.verb = ADMIN_DELETE, .noun = noun, .flags = flags, .name = slice_from_string(name)
	};

	return run(&call);
}

#endif
