/*
 * The queue's store under power cuts of a model of the disk (power_disk.h). Whatever was settled must then be found: no
 * message is lost, no message evaporates between its bounce and itself, nothing that was over for good comes back, and what the
 * administrator holds is held. That also when syncs fail, or the syncer dies, before.
 */
#include "queued/store_state.h"
#include "t/unit/power_disk.h"

enum {
	ENTRIES_MAX = 4096,
	RECIPIENTS = 3, /* of a message, at most */
	CUTS = 40,
	RUNS = 8,       /* with different chances */
	STEPS = 400,    /* between two cuts, at most */
	BODY_MAX = 12000,
};

/* ---- what was promised ---- */

enum given { NOTHING, RESULT, BOUNCE };

struct entry {
	uint64_t id;
	uint32_t recipients;
	bool settled;
	enum given given[RECIPIENTS]; /* what the store was told */
	bool safe[RECIPIENTS];        /* and that is durable */
	uint64_t bounce[RECIPIENTS];
	unsigned marks;               /* that were told: held with the first, released with the second, and so on */
	unsigned safe_marks;          /* and that are durable */
};

static struct entry entries[ENTRIES_MAX];
static size_t entry_count;

static struct entry *
find_entry(uint64_t id)
{
	for (size_t i = entry_count; i-- > 0;)
		if (entries[i].id == id)
			return &entries[i];
	return NULL;
}

static struct entry *
new_entry(uint64_t id, uint32_t recipients)
{
	ck_assert_uint_lt(entry_count, ENTRIES_MAX);
	entries[entry_count] = (struct entry){ .id = id, .recipients = recipients };
	return &entries[entry_count++];
}

static bool
is_live(uint64_t id, uint32_t index)
{
	const struct message *message = store_find(fixture.store, id);
	enum recipient_state state = message == NULL ? RECIPIENT_ABSENT : message_state(message, index);

	return state != RECIPIENT_ABSENT && (int)state < RECIPIENT_FINAL;
}

static void
end_if_over(struct message *message)
{
	if (message->live == 0)
		store_end(fixture.store, message);
}

/* As submission and returns.c do it. */
static void
settled(void *context, struct record *record, int error)
{
	uint64_t id = record_id(record);

	(void)context;
	if (error != 0) {
		ck_assert(!record->again);
		return; /* its sender was told so: it may be there after a cut, or not */
	}
	find_entry(id)->settled = true;
	for (size_t i = 0; i < entry_count; i++) {
		for (uint32_t r = 0; r < entries[i].recipients; r++) {
			struct message *message;

			if (entries[i].given[r] != BOUNCE || entries[i].bounce[r] != id)
				continue;
			message = store_find(fixture.store, entries[i].id);
			message->settling--;
			message_set_state(message, r, RECIPIENT_BOUNCED);
			end_if_over(message);
		}
	}
}

static void
add(uint32_t recipients, struct slice ends, bool again)
{
	static char body[BODY_MAX];
	uint64_t id = store_take_ids(fixture.store, 0, 1);
	struct message *message;
	struct record *record;

	memset(body, 'x', sizeof(body));
	record = fixture_record(id, recipients, slice_of(body, random_below(BODY_MAX)), ends, false, &message);
	record->again = again;
	new_entry(id, recipients);
	store_add(fixture.store, message, record, settled, NULL);
	record_release(&record);
}

/* A recipient of a settled message for whom nothing has been said yet; NULL when chance finds none. */
static struct entry *
pick(uint32_t *index_r)
{
	for (int attempt = 0; attempt < 20 && entry_count > 0; attempt++) {
		struct entry *entry = &entries[random_below((unsigned)entry_count)];

		*index_r = random_below(entry->recipients);
		/* A few live long, and are copied forward. */
		if (entry->settled && entry->given[*index_r] == NOTHING && entry->id % 16 != 0)
			return entry;
	}
	return NULL;
}

static void
give_result(void)
{
	uint32_t index;
	struct entry *entry = pick(&index);

	if (entry == NULL)
		return;
	entry->given[index] = RESULT;
	fixture_result(entry->id, index, 1, RECIPIENT_DELIVERED);
}

static void
give_bounce(void)
{
	uint32_t index;
	struct entry *entry = pick(&index);
	struct payload_range range;
	struct buffer ends;

	if (entry == NULL)
		return;
	range = (struct payload_range){ index, 1 };
	buffer_init(&ends, 4096);
	ck_assert_int_eq(payload_results_begin(&ends), 0);
	ck_assert_int_eq(payload_results_add(&ends, entry->id, RECIPIENT_BOUNCED, &range, 1), 0);
	entry->given[index] = BOUNCE;
	store_find(fixture.store, entry->id)->settling++;
	add(1, buffer_slice(&ends), true);
	entry->bounce[index] = entries[entry_count - 1].id;
	buffer_free(&ends);
}

static void
defer(void)
{
	uint32_t index;
	struct entry *entry = pick(&index);

	if (entry != NULL)
		fixture_defer(entry->id, 1, 1);
}

static void
mark_is_safe(void *context)
{
	((struct entry *)context)->safe_marks++;
}

/* As the administrator does it, who waits for the sync. */
static void
give_mark(void)
{
	struct entry *entry = entry_count == 0 ? NULL : &entries[random_below((unsigned)entry_count)];
	struct message *message = entry == NULL || !entry->settled ? NULL : store_find(fixture.store, entry->id);

	if (message == NULL)
		return;
	store_mark(fixture.store, message, entry->marks++ % 2 == 0 ? MARK_HELD : MARK_RELEASED);
	ck_assert_int_eq(store_await(fixture.store, mark_is_safe, entry), 0);
}

static bool faults; /* syncs may fail */

static void
step(void)
{
	unsigned kind = random_below(100);

	if (kind < 10)
		add(1 + random_below(RECIPIENTS), SLICE(""), false);
	else if (kind < 50)
		give_result();
	else if (kind < 54)
		give_bounce();
	else if (kind < 58)
		defer();
	else if (kind < 61)
		give_mark();
	else if (kind < 75)
		store_flush(fixture.store);
	else if (kind < 80)
		store_sync(fixture.store);
	else if (kind < 97)
		answer_any(0);
	else if (kind < 98)
		answer_any(faults ? -EIO : 0);
	else if (kind < 99 && faults)
		kill_syncer();
	else if (store_is_broken(fixture.store))
		store_retry(fixture.store);
}

static void
settle_all(void)
{
	while (fixture.woken || pending_count > 0 || store_has_lazy(fixture.store) || store_is_broken(fixture.store)) {
		fixture.woken = false;
		store_retry(fixture.store);
		store_flush(fixture.store);
		store_sync(fixture.store);
		answer_any(0);
	}
	ck_assert(store_is_idle(fixture.store));
	for (size_t i = 0; i < entry_count; i++)
		for (uint32_t r = 0; r < entries[i].recipients; r++)
			entries[i].safe[r] = entries[i].given[r] != NOTHING;
}

/* ---- after a cut ---- */

static void
check_recipient(struct entry *entry, uint32_t r)
{
	bool live = is_live(entry->id, r);
	const struct entry *bounce = entry->given[r] == BOUNCE ? find_entry(entry->bounce[r]) : NULL;

	ck_assert_msg(!(live && entry->safe[r]), "%llx %u came back", (unsigned long long)entry->id, r);
	ck_assert_msg(live || entry->given[r] != NOTHING, "%llx %u is lost", (unsigned long long)entry->id, r);
	if (entry->given[r] == BOUNCE) {
		/* A bounce that is not known any more was delivered, for good. */
		ck_assert_msg(!live || (bounce != NULL && !bounce->settled), "%llx %u came back after its bounce",
		              (unsigned long long)entry->id, r);
		ck_assert_msg(live || bounce == NULL || is_live(bounce->id, 0) || bounce->given[0] != NOTHING,
		              "the bounce of %llx %u is lost", (unsigned long long)entry->id, r);
	}
	if (live)
		entry->given[r] = NOTHING;
}

static void
check_marks(struct entry *entry)
{
	const struct message *message = store_find(fixture.store, entry->id);

	if (message == NULL)
		return;
	ck_assert_msg(entry->marks != entry->safe_marks || message->held == (entry->marks % 2 == 1), "%llx is %sheld",
	              (unsigned long long)entry->id, message->held ? "" : "not ");
	entry->marks = entry->safe_marks = message->held ? 1 : 0;
}

static void
check_all(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < entry_count; i++)
		if (!entries[i].settled && store_find(fixture.store, entries[i].id) == NULL)
			entries[i].recipients = 0; /* never promised */
	for (size_t i = 0; i < entry_count; i++)
		for (uint32_t r = 0; r < entries[i].recipients; r++)
			if (entries[i].settled)
				check_recipient(&entries[i], r);
	for (size_t i = 0; i < entry_count; i++)
		check_marks(&entries[i]);
	/* What was found although it was not promised is so from now on; what is over can be forgotten when nothing refers to it. */
	for (size_t i = 0; i < entry_count; i++) {
		bool over = true;

		entries[i].settled = true;
		for (uint32_t r = 0; r < entries[i].recipients; r++)
			over = over && entries[i].given[r] == RESULT && entries[i].safe[r];
		if (!over)
			entries[kept++] = entries[i];
	}
	entry_count = kept;
}

START_TEST(a_power_cut_at_any_moment_loses_nothing_and_brings_nothing_back)
{
	size_t copies = 0;

	seed = (unsigned)_i * 7919 + 1;
	faults = _i % 2 != 0;
	store_close(&fixture.store);
	entry_count = 0;
	start();
	for (unsigned cut = 0; cut < CUTS; cut++) {
		unsigned steps = random_below(STEPS);

		for (unsigned i = 0; i < steps; i++) {
			step();
			copies += fixture.store->copying > 0;
		}
		if (random_below(3) == 0)
			settle_all();
		cut_power();
		check_all();
	}
	ck_assert_uint_gt(copies, 0); /* forward: that was a part of it */
	forget_files();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_power");
	TCase *tests = tcase_create("store_power");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, fixture_setup, fixture_teardown);
	tcase_add_loop_test(tests, a_power_cut_at_any_moment_loses_nothing_and_brings_nothing_back, 0, RUNS);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
