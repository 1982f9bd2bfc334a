/*
 * The quota of a mailbox, counted in its file "maildirsize" as the Maildir++ specification has it, so that
 * other programs that deliver to, or delete from, the same mailbox agree with us.
 *
 * The file's first line is the limit ("1000000S": bytes; perhaps ",100C": messages). Each further line is
 * "BYTES COUNT", to be added up; a deletion adds a line of negative numbers. The file is made anew from the
 * names of all messages in all folders
 *   - when it is missing, cannot be read, or has another limit,
 *   - when it has grown to QUOTA_FILE_MAX bytes,
 *   - when a message does not fit, unless it was made anew within QUOTA_FRESH seconds and nothing was added since.
 */
#ifndef ANGARIUM_DELIVERD_QUOTA_H
#define ANGARIUM_DELIVERD_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"

enum {
	QUOTA_FILE_MAX = 5120,    /* bytes */
	QUOTA_FRESH = 15 * 60,    /* seconds */
};

struct quota_usage {
	int64_t bytes;
	int64_t count;
	unsigned lines; /* that were added up */
};

/*
 * The text of a maildirsize file whose limit must be LIMIT. 0, or -EINVAL: another limit, or malformed.
 * Sums stop at the largest number.
 */
int quota_parse(struct slice text, uint64_t limit, struct quota_usage *usage_r);
/* Whether SIZE more bytes stay within LIMIT. */
bool quota_fits(const struct quota_usage *usage, uint64_t limit, uint64_t size);

/*
 * Counts one more message of SIZE bytes in the mailbox whose directory is TOP, whose limit is LIMIT. 0;
 * -EDQUOT when it does not fit: nothing is counted then; or another negative errno value when the mailbox
 * could not be counted.
 */
int quota_reserve(int top, uint64_t limit, uint64_t size);
/*
 * Adds a line to a maildirsize that exists: a message that was taken back (negative), or one for a mailbox
 * without a limit. Errors are ignored: the file is made anew sooner or later.
 */
void quota_add(int top, int64_t bytes, int64_t count);

#endif
