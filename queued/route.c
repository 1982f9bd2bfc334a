/*
 * Where recipients lead: asks tabled about each address of an active message, and makes targets, expansions or outcomes of the answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "queued/schedule_state.h"

enum {
	ASKED_MAX = 1024,  /* questions under way */
	ASK_BURST = 32,    /* of one message before it is the next one's turn */
};

struct question {
	struct active *active;
	uint32_t index;
};

/* An EXPANSION that is being made durable, and the mailboxes that wait for it. The other targets are asked about on their own then. */
struct expanding {
	struct active *active;
	struct expansion *expansion;
	struct target_list mailboxes;
};

/* ---- questions to come ---- */

static void
route_join(struct active *active)
{
	if (active->asking)
		return;
	active->asking = true;
	active->complete = false;
	TAILQ_INSERT_TAIL(&active->schedule->asking, active, asking_link);
	schedule_wake(active->schedule);
}

/* INDEX is to be asked about, too, though it may have been passed. */
static void
route_again(struct active *active, uint32_t index)
{
	message_set_state(active->message, index, RECIPIENT_WAITING);
	if (index < active->next_index)
		active->next_index = index;
	route_join(active);
}

/* ---- one recipient ---- */

/*
 * A target of an earlier expansion is asked about again when it is retried. An alias that leads to itself among others was
 * expanded then; now only the mailbox itself is meant.
 */
static const struct expand_target *
route_own_mailbox(const struct active *active, uint32_t index, const struct expand_answer *answer)
{
	struct slice address = active_address(active, index);

	if (message_expansion_of(active->message, index) == NULL)
		return NULL;
	for (uint32_t i = 0; i < answer->count; i++)
		if (answer->targets[i].kind == TABLE_TARGET_MAILBOX && slice_equal_nocase(answer->targets[i].address, address))
			return &answer->targets[i];
	return NULL;
}

/* ---- several targets ---- */

/* Mailboxes must be kept until the EXPANSION is durable. */
static int
expanding_keep(struct expanding *expanding, const struct expand_answer *answer, uint32_t first)
{
	for (uint32_t i = 0; i < answer->count; i++) {
		const struct expand_target *from = &answer->targets[i];
		struct target *target;

		if (from->kind != TABLE_TARGET_MAILBOX)
			continue;
		target = target_new(first + i, from->address, from->path, from->folder, from->quota);
		if (target == NULL)
			return -ENOMEM;
		STAILQ_INSERT_TAIL(&expanding->mailboxes, target, link);
	}
	return 0;
}

static void
expanding_free(struct expanding *expanding)
{
	target_list_free(&expanding->mailboxes);
	free(expanding);
}

static void
route_expanded(void *context, struct record *record, int error)
{
	struct expanding *expanding = context;
	struct active *active = expanding->active;
	const struct expansion *expansion = expanding->expansion;
	struct target *target;

	(void)record;
	(void)error; /* such a record becomes durable in the end */
	active->expanding--;
	message_set_range(active->message, &(struct payload_range){ expansion->first, expansion->count }, RECIPIENT_BUSY);
	message_set_state(active->message, expansion->recipient, RECIPIENT_EXPANDED);
	for (uint32_t i = 0; i < expansion->count; i++)
		if (expansion->targets[i].kind != TABLE_TARGET_MAILBOX)
			route_again(active, expansion->first + i);
	while ((target = STAILQ_FIRST(&expanding->mailboxes)) != NULL) {
		STAILQ_REMOVE_HEAD(&expanding->mailboxes, link);
		route_mailbox(active, target);
	}
	expanding_free(expanding);
	active_check(active);
}

static struct record *
expansion_record(const struct message *message, uint32_t recipient, uint32_t first, const struct expand_answer *answer)
{
	struct expansion_target *targets = calloc(answer->count, sizeof(*targets));
	struct record *record;

	if (targets == NULL)
		return NULL;
	for (uint32_t i = 0; i < answer->count; i++)
		targets[i] = (struct expansion_target){ answer->targets[i].kind, answer->targets[i].address };
	record = payload_expansion(message->id, recipient, first, targets, answer->count);
	free(targets);
	return record;
}

static void
route_tell_expansion(const struct active *active, uint32_t recipient, uint32_t count)
{
	char text[32];

	snprintf(text, sizeof(text), "%u addresses", (unsigned)count);
	schedule_tell(active->schedule, active->message, QUEUE_EVENT_EXPANDED, active_address(active, recipient), SLICE(""),
	              slice_from_string(text));
}

/* RECIPIENT becomes all targets of the answer: that must be durable before any of them is delivered. */
static int
route_expand(struct active *active, uint32_t recipient, const struct expand_answer *answer)
{
	struct message *message = active->message;
	uint32_t first = message->index_count;
	struct expanding *expanding = malloc(sizeof(*expanding));
	struct record *record = expansion_record(message, recipient, first, answer);
	int error = expanding == NULL || record == NULL ? -ENOMEM : 0;

	if (expanding != NULL) {
		*expanding = (struct expanding){ .active = active };
		STAILQ_INIT(&expanding->mailboxes);
	}
	if (error == 0)
		error = expanding_keep(expanding, answer, first);
	if (error == 0)
		error = message_grow(message, first + answer->count);
	if (error == 0)
		error = message_add_expansion(message, record, &expanding->expansion);
	if (error == 0) {
		message_set_state(message, recipient, RECIPIENT_SETTLING);
		active->expanding++;
		returns_expanded(active, recipient);
		route_tell_expansion(active, recipient, answer->count);
		store_append(active->schedule->hooks.store, record, false, route_expanded, expanding);
	} else if (expanding != NULL) {
		expanding_free(expanding);
	}
	record_release(&record);
	return error;
}

/* ---- answers ---- */

static void
route_deliverable(struct active *active, uint32_t index, const struct expand_answer *answer)
{
	const struct expand_target *own = route_own_mailbox(active, index, answer);
	struct slice address = active_address(active, index);
	int error;

	if (own != NULL) {
		route_target(active, index, own);
	} else if (answer->count == 1) {
		route_target(active, index, &answer->targets[0]);
	} else if (answer->count == 0) {
		active_fail(active, index, address, VERDICT("5.1.1", "the address leads nowhere"));
	} else {
		error = route_expand(active, index, answer);
		if (error == -EINVAL)
			active_fail(active, index, address, VERDICT("5.4.6", "the address leads to too many others"));
		else if (error != 0)
			active_defer(active, OUTCOME_UNTRIED, index, address, VERDICT("4.3.0", "out of memory"));
	}
}

static void
route_answer(struct active *active, uint32_t index, const struct expand_answer *answer)
{
	struct slice address = active_address(active, index);

	switch ((enum table_class)answer->class) {
	case TABLE_LOCAL:
	case TABLE_ALIAS:
	case TABLE_RELAY:
	case TABLE_REMOTE:
		route_deliverable(active, index, answer);
		break;
	case TABLE_NO_USER:
		active_fail(active, index, address, VERDICT("5.1.1", "no such mailbox"));
		break;
	case TABLE_DISABLED:
		active_fail(active, index, address, VERDICT("5.2.1", "the mailbox is disabled"));
		break;
	case TABLE_LOOP:
		active_fail(active, index, address, VERDICT("5.4.6", "aliases lead in a circle"));
		break;
	case TABLE_TEMPORARY:
		active_defer(active, OUTCOME_UNTRIED, index, address, VERDICT("4.3.0", "the address cannot be looked up now"));
		break;
	}
}

static void
route_answered(void *context, const struct expand_answer *answer)
{
	struct question question = *(struct question *)context;
	struct active *active = question.active;
	int error;

	free(context);
	active->asked--;
	active->schedule->asked--;
	if (!TAILQ_EMPTY(&active->schedule->asking))
		schedule_wake(active->schedule);
	if (active_is_stopped(active)) {
		message_set_state(active->message, question.index, RECIPIENT_WAITING);
		active_check(active);
		return;
	}
	if (answer->status == -ECONNRESET) { /* lost with the channel: it is asked again when there is a new one */
		route_again(active, question.index);
		return;
	}
	error = active_load(active);
	if (error != 0)
		active_defer(active, OUTCOME_UNTRIED, question.index, SLICE(""), VERDICT("4.3.0", "the message cannot be read from the queue"));
	else if (answer->status != 0)
		active_defer(active, OUTCOME_UNTRIED, question.index, active_address(active, question.index),
		             VERDICT("4.3.0", "the address cannot be looked up now"));
	else
		route_answer(active, question.index, answer);
	active_check(active);
}

/* ---- questions ---- */

void
route_begin(struct active *active)
{
	active->next_index = 0;
	route_join(active);
}

/* The next index that waits, or the end. */
static uint32_t
route_next(const struct active *active)
{
	uint32_t index = active->next_index;

	while (index < active->message->index_count && message_state(active->message, index) != RECIPIENT_WAITING)
		index++;
	return index;
}

static int
route_ask(struct active *active, uint32_t index)
{
	struct schedule *schedule = active->schedule;
	struct question *question = malloc(sizeof(*question));
	int error;

	if (question == NULL)
		return -ENOMEM;
	*question = (struct question){ active, index };
	error = schedule->hooks.expander->ask(schedule->hooks.expander, active_address(active, index), route_answered, question);
	if (error != 0) {
		free(question);
		return error;
	}
	message_set_state(active->message, index, RECIPIENT_BUSY);
	active->asked++;
	schedule->asked++;
	return 0;
}

/* Asks some of what ACTIVE has to ask. 1: it has more; 0: it has no more; negative: nothing can be asked now. */
static int
route_some(struct active *active)
{
	for (int i = 0; i < ASK_BURST; i++) {
		int error;

		active->next_index = route_next(active);
		if (active->next_index >= active->message->index_count)
			return 0;
		if (active->schedule->asked >= ASKED_MAX)
			return -EAGAIN;
		error = route_ask(active, active->next_index);
		if (error != 0)
			return error;
		active->next_index++;
	}
	return 1;
}

void
route_leave(struct active *active)
{
	TAILQ_REMOVE(&active->schedule->asking, active, asking_link);
	active->asking = false;
}

/* The message cannot be read: a damaged one is given up, else it is tried later. */
static void
route_unreadable(struct active *active, int error)
{
	struct schedule *schedule = active->schedule;
	struct message *message = active->message;
	bool idle = active->asked == 0 && active->expanding == 0 && active->waiting == 0 && active->jobs == 0;

	route_leave(active);
	if (error != -EBADMSG || !idle) {
		active_check(active);
		return;
	}
	active_free(&active);
	schedule_remove_damaged(schedule, message);
}

void
route_run(struct schedule *schedule)
{
	struct active *active;

	while (!schedule->expander_down && schedule->asked < ASKED_MAX && (active = TAILQ_FIRST(&schedule->asking)) != NULL) {
		int found;

		/* One at a time when memory is short: what is read back for a question stays until the answer. */
		if (active->record == NULL && schedule->asked > 0 && schedule_is_over_memory(schedule))
			break;
		found = active_load(active);
		if (found != 0) {
			route_unreadable(active, found);
			continue;
		}
		found = route_some(active);
		if (found == -EAGAIN)
			break;
		if (found < 0) {
			schedule->expander_down = found == -ENOTCONN;
			break;
		}
		route_leave(active);
		if (found > 0)
			route_join(active);
		else
			active_check(active);
	}
}
