/*
 * Questions: shared when they are the same, bounded in number while they are worked on, and in time.
 *
 *   WAITING    its turn has not come
 *   RUNNING    lookups are under way
 *   ANSWERING  those who asked are told
 */
#include "relayd/resolver_questions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/tree.h>

#include "common/base/clock.h"
#include "relayd/lookups.h"

enum {
	RUNNING_MAX = 4096, /* questions: each has up to some 60 KiB while it is worked on, usually 4 */
	TIMEOUT_MS = 60 * 1000, /* of a whole question, in which a message can as well wait in the queue */
	/*
	 * After a host is known to be of use, how long the others may take: name servers that are down answer within a second or never, and
	 * one bad host must not hold up the mail to good ones.
	 */
	PATIENCE_MS = 5 * 1000,
};

enum question_state { QUESTION_WAITING, QUESTION_RUNNING, QUESTION_ANSWERING };

struct question {
	RB_ENTRY(question) node;
	TAILQ_ENTRY(question) next; /* while WAITING */
	TAILQ_HEAD(, asker) askers;
	struct questions *questions;
	struct finding_question key;
	enum question_state state;
	struct finding *finding;
	struct lookup_list lookups;
	struct event *timer;
	int64_t deadline; /* clock_monotonic_ms */
	bool impatient;   /* the timer is that of PATIENCE_MS */
};

RB_HEAD(question_tree, question);

struct questions {
	struct lookups *const *lookups;
	struct event_base *base;
	struct event *turn; /* starts what waits */
	struct question_tree all; /* but for those that are being answered */
	TAILQ_HEAD(, question) waiting;
	unsigned running;
};

static int
question_compare(struct question *a, struct question *b)
{
	const struct finding_question *one = &a->key, *other = &b->key;
	int order = strcmp(one->name, other->name);

	if (order == 0)
		order = (one->port > other->port) - (one->port < other->port);
	if (order == 0)
		order = (int)one->how - (int)other->how;
	if (order == 0)
		order = (int)one->dane - (int)other->dane;
	return order != 0 ? order : (int)one->backup - (int)other->backup;
}

RB_PROTOTYPE(question_tree, question, node, question_compare)
RB_GENERATE(question_tree, question, node, question_compare)

/* ---- the end ---- */

static void
question_free(struct question *question)
{
	lookups_forget(&question->lookups);
	finding_free(&question->finding);
	if (question->timer != NULL)
		event_free(question->timer);
	free(question);
}

/* Takes it out of everything that could find it. */
static void
question_leave(struct question *question)
{
	struct questions *questions = question->questions;

	RB_REMOVE(question_tree, &questions->all, question);
	if (question->state == QUESTION_WAITING)
		TAILQ_REMOVE(&questions->waiting, question, next);
	else
		questions->running--;
	if (!TAILQ_EMPTY(&questions->waiting))
		event_active(questions->turn, EV_TIMEOUT, 1);
}

static void
question_answer(struct question *question)
{
	struct asker *asker;

	question_leave(question);
	question->state = QUESTION_ANSWERING;
	while ((asker = TAILQ_FIRST(&question->askers)) != NULL) {
		TAILQ_REMOVE(&question->askers, asker, next);
		asker->answered(asker, question->finding);
	}
	question_free(question);
}

static void
question_on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	question_answer(context);
}

/* ---- the way ---- */

static void
question_set_timer(struct question *question, int64_t wait)
{
	event_add(question->timer, &(struct timeval){ .tv_sec = wait / 1000, .tv_usec = (wait % 1000) * 1000 });
}

static void
question_check(struct question *question)
{
	int64_t left;

	if (finding_is_done(question->finding)) {
		question_answer(question);
		return;
	}
	if (question->impatient || !finding_is_usable(question->finding))
		return;
	question->impatient = true;
	left = question->deadline - clock_monotonic_ms();
	if (left > PATIENCE_MS)
		question_set_timer(question, PATIENCE_MS);
}

static void
question_on_lookup(void *context, unsigned slot, const struct finding_result *result)
{
	struct question *question = context;

	finding_result(question->finding, slot, result);
	question_check(question);
}

static int
question_lookup(void *context, const char *name, enum dns_type type, unsigned slot)
{
	struct question *question = context;

	return lookups_ask(*question->questions->lookups, name, type, slot, question_on_lookup, question, &question->lookups);
}

static const struct finding_callbacks callbacks = { .lookup = question_lookup, .random = arc4random };

static void
questions_on_turn(evutil_socket_t fd, short what, void *context)
{
	struct questions *questions = context;
	struct question *question;

	(void)fd;
	(void)what;
	while (questions->running < RUNNING_MAX && (question = TAILQ_FIRST(&questions->waiting)) != NULL) {
		TAILQ_REMOVE(&questions->waiting, question, next);
		question->state = QUESTION_RUNNING;
		questions->running++;
		finding_begin(question->finding);
		question_check(question);
	}
}

/* ---- asking ---- */

static struct question *
question_new(struct questions *questions, const struct finding_question *key, const char *hostname)
{
	struct question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		return NULL;
	TAILQ_INIT(&question->askers);
	LIST_INIT(&question->lookups);
	question->questions = questions;
	question->key = *key;
	question->state = QUESTION_WAITING;
	question->deadline = clock_monotonic_ms() + TIMEOUT_MS;
	question->finding = finding_new(key, hostname, &callbacks, question);
	question->timer = evtimer_new(questions->base, question_on_timer, question);
	if (question->finding == NULL || question->timer == NULL) {
		question_free(question);
		return NULL;
	}
	question_set_timer(question, TIMEOUT_MS);
	RB_INSERT(question_tree, &questions->all, question);
	TAILQ_INSERT_TAIL(&questions->waiting, question, next);
	event_active(questions->turn, EV_TIMEOUT, 1);
	return question;
}

int
questions_ask(struct questions *questions, const struct finding_question *key, const char *hostname, struct asker *asker)
{
	struct question wanted = { .key = *key };
	struct question *question = RB_FIND(question_tree, &questions->all, &wanted);

	if (question == NULL)
		question = question_new(questions, key, hostname);
	if (question == NULL)
		return -ENOMEM;
	asker->question = question;
	TAILQ_INSERT_TAIL(&question->askers, asker, next);
	return 0;
}

void
questions_forget(struct asker *asker)
{
	struct question *question = asker->question;

	TAILQ_REMOVE(&question->askers, asker, next);
	if (question->state == QUESTION_ANSWERING || !TAILQ_EMPTY(&question->askers))
		return;
	question_leave(question);
	question_free(question);
}

struct questions *
questions_new(struct event_base *base, struct lookups *const *lookups)
{
	struct questions *questions = calloc(1, sizeof(*questions));

	if (questions == NULL)
		return NULL;
	questions->lookups = lookups;
	questions->base = base;
	RB_INIT(&questions->all);
	TAILQ_INIT(&questions->waiting);
	questions->turn = event_new(base, -1, 0, questions_on_turn, questions);
	if (questions->turn == NULL) {
		free(questions);
		return NULL;
	}
	return questions;
}
