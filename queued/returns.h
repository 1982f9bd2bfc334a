/*
 * What queued reports to senders: who is told what (returns.c), what is told together (returns_batch.c), and the report as a message of its own
 * (returns_report.c).
 */
#ifndef ANGARIUM_QUEUED_RETURNS_H
#define ANGARIUM_QUEUED_RETURNS_H

#include "queued/active.h"
#include "queued/report.h"
#include "queued/schedule_state.h"

enum {
	RETURNS_HEADER_MAX = BODY_FILE_BEGINNING, /* bytes of a header section that is looked at, or returned */
	RETURNS_RECIPIENTS_MAX = 1000,  /* in one report */
};

/* Some outcomes that are reported, or dropped, together. */
struct batch {
	LIST_ENTRY(batch) link;       /* in ACTIVE's, from its report to the end of that one's sync */
	struct active *active;
	enum report_kind kind;
	struct outcome_list outcomes; /* that end with it; of REPORT_DELAY those of a message that waits for its turn, which do not */
	size_t count;
	size_t told;                  /* how many the report speaks of */
	struct message *message;      /* the report */
};

/* returns.c */
/* True when MESSAGE's time is over. */
bool returns_expired(const struct active *active);
/* True when BATCH's report speaks of OUTCOME. */
bool batch_tells(const struct batch *batch, const struct outcome *outcome);

/* returns_batch.c */
/* One without outcomes; NULL when out of memory. */
struct batch *batch_new(struct active *active, enum report_kind kind);
/* It must not have been reported. */
void batch_free(struct batch *batch);
/* Moves some outcomes that are over from ACTIVE to a new batch. NULL when there are none, or out of memory. */
struct batch *batch_take(struct active *active, enum report_kind kind);
/* Appends BATCH's report, and takes BATCH. A negative errno value: it was not, and BATCH is still the caller's. */
int batch_report(struct batch *batch);
/* Frees BATCH; its recipients end, and nobody is told. */
void batch_drop(struct batch *batch, const char *reason);
/* Frees BATCH, which cannot be reported now: the recipients are tried again, and will fail again. */
void batch_forget(struct batch *batch, int error);
/* The outcomes among which those are that its report speaks of. */
const struct outcome_list *batch_outcomes(const struct batch *batch);
/* The final state of a recipient with that outcome. */
enum recipient_state outcome_state(const struct outcome *outcome);
/* The recipient of OUTCOME ends, and nobody is told. */
void outcome_end(struct active *active, const struct outcome *outcome, const char *reason);

/* returns_report.c */
/*
 * Makes BATCH's report with the queue id ID, and its record, which also says what ends with it. ACTIVE is loaded. 0 or a negative errno
 * value.
 */
int batch_compose(struct batch *batch, uint64_t id, struct record **record_r);
/* The message's header section, empty when it is damaged; *bytes_r is what it stands in, to be freed, or NULL. ACTIVE is loaded. */
struct slice returns_header(struct active *active, char **bytes_r);

#endif
