/*
 * What queuetool's calls stand on: frames, the ring of events, and going through all messages in steps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queued/history.h"
#include "queued/index.h"
#include "queued/message.h"
#include "t/unit/unit.h"

START_TEST(a_call_comes_back_as_it_was_put)
{
	const uint64_t ids[] = { 1, UINT64_MAX };
	struct queue_call call = {
		.verb = QUEUE_HOLD, .flags = QUEUE_ALL, .sender = SLICE("<>"), .domain = SLICE("example.org"), .older = 60, .id_count = 2,
	};
	struct wire_writer writer;
	struct wire_reader reader;
	struct queue_call got;
	struct buffer out;

	buffer_init(&out, QUEUE_FRAME_MAX);
	writer = wire_begin_bare(&out);
	queue_call_put(&writer, &call, ids);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	reader = wire_read(buffer_slice(&out));
	ck_assert(queue_call_get(&reader, &got) && wire_done(&reader));
	ck_assert_int_eq(got.verb, QUEUE_HOLD);
	ck_assert_slice(got.sender, "<>");
	ck_assert_slice(got.domain, "example.org");
	ck_assert_uint_eq(got.older, 60);
	ck_assert_uint_eq(queue_call_id(&got, 0), 1);
	ck_assert_uint_eq(queue_call_id(&got, 1), UINT64_MAX);
	for (size_t length = 0; length < buffer_length(&out); length++) {
		reader = wire_read(slice_first(buffer_slice(&out), length));
		ck_assert(!queue_call_get(&reader, &got));
	}
	buffer_free(&out);
}
END_TEST

/* ---- the ring of events ---- */

struct told {
	size_t count;
	char last[QUEUE_TEXT_MAX];
	int64_t when;
};

static void
tell(void *context, const struct queue_happening *happening)
{
	struct told *told = context;

	told->count++;
	ck_assert_int_ge(happening->when, told->when);
	told->when = happening->when;
	ck_assert_int_eq(slice_to_string(happening->text, told->last, sizeof(told->last)), 0);
}

START_TEST(events_are_told_in_their_order_until_they_are_forgotten)
{
	struct history *history = history_new(4096);
	char text[QUEUE_TEXT_MAX];
	struct told told;

	ck_assert_ptr_nonnull(history);
	for (unsigned i = 0; i < 5000; i++) {
		int length = snprintf(text, sizeof(text), "%u ", i);

		memset(text + length, '.', i * 7 % 300);
		text[(size_t)length + i * 7 % 300] = '\0';
		history_add(history, i % 3, QUEUE_EVENT_DEFERRED, SLICE("a@b.example"), SLICE("4.0.0"), slice_from_string(text));
		told = (struct told){ 0 };
		ck_assert_uint_eq(history_each(history, i % 3, tell, &told), told.count);
		ck_assert_uint_ge(told.count, 1);
		ck_assert_str_eq(told.last, text);
	}
	ck_assert_uint_lt(told.count, 100);
	ck_assert_uint_eq(history_count(history, QUEUE_EVENT_DEFERRED), 5000);
	ck_assert_uint_eq(history_each(history, 77, tell, &told), 0);
	history_free(&history);
	ck_assert_ptr_null(history);
}
END_TEST

START_TEST(the_largest_event_fits_the_smallest_ring)
{
	static char large[4096];
	struct history *history = history_new(0);
	struct told told = { 0 };

	memset(large, 'x', sizeof(large));
	for (int i = 0; i < 100; i++)
		history_add(history, 1, QUEUE_EVENT_FAILED, slice_of(large, sizeof(large)), slice_of(large, sizeof(large)),
		            slice_of(large, sizeof(large)));
	ck_assert_uint_ge(history_each(history, 1, tell, &told), 3);
	ck_assert_uint_eq(strlen(told.last), QUEUE_TEXT_MAX - 1);
	history_free(&history);
	history_add(NULL, 1, QUEUE_EVENT_FAILED, SLICE(""), SLICE(""), SLICE(""));
}
END_TEST

/* ---- going through all messages ---- */

enum { MESSAGES = 5000 };

static unsigned visits[2 * MESSAGES + 1];

static void
visit(void *context, struct message *message)
{
	(void)context;
	visits[message->id]++;
}

static void
add(struct index *index, uint64_t id)
{
	struct message *message = message_new(id);

	ck_assert_ptr_nonnull(message);
	index_insert(index, message);
}

static void
free_one(void *context, struct message *message)
{
	(void)context;
	message_free(&message);
}

START_TEST(a_walk_visits_each_message_once_although_the_table_grows)
{
	struct index index;
	uint64_t cursor = 0;
	uint64_t next = MESSAGES + 1;
	bool more = true;

	memset(visits, 0, sizeof(visits));
	ck_assert_int_eq(index_init(&index), 0);
	for (uint64_t id = 1; id <= MESSAGES; id++)
		add(&index, id);
	for (int step = 0; more; step++) {
		more = index_walk(&index, &cursor, visit, NULL);
		if (step % 2 == 0 && next <= 2 * MESSAGES)
			add(&index, next++); /* past the next size of the table */
	}
	ck_assert_uint_gt(next, 8192);
	for (uint64_t id = 1; id <= MESSAGES; id++)
		ck_assert_uint_eq(visits[id], 1);
	for (uint64_t id = MESSAGES + 1; id < next; id++)
		ck_assert_uint_le(visits[id], 1);
	index_each(&index, free_one, NULL);
	index_free(&index);
}
END_TEST

UNIT_MAIN("queue_admin", a_call_comes_back_as_it_was_put, events_are_told_in_their_order_until_they_are_forgotten,
          the_largest_event_fits_the_smallest_ring, a_walk_visits_each_message_once_although_the_table_grows)
