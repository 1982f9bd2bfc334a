/*
 * Errors of file operations as enhanced status codes (RFC 3463 3.4: X.3, the mail system). All of them are
 * temporary: the message stays in the queue until the disk, or the administrator, has recovered.
 */
#include "deliverd/outcome.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct outcome outcome_delivered = { DELIVER_DONE, "2.1.5", "delivered", 0 };
const struct outcome outcome_loop = { DELIVER_PERMANENT, "5.4.6",
	"mail loop: the message was delivered to this mailbox before", 0 };
const struct outcome outcome_bad_path = { DELIVER_PERMANENT, "5.3.5",
	"the mailbox has an invalid path or folder", 0 };
const struct outcome outcome_bad_address = { DELIVER_PERMANENT, "5.3.5",
	"the envelope has an invalid address", 0 };
const struct outcome outcome_full_defer = { DELIVER_TEMPORARY, "4.2.2", "the mailbox is full", 0 };
const struct outcome outcome_full_reject = { DELIVER_PERMANENT, "5.2.2", "the mailbox is full", 0 };
const struct outcome outcome_queue_failed = { DELIVER_TEMPORARY, "4.3.0",
	"the message cannot be read from the queue", 0 };
const struct outcome outcome_queue_damaged = { DELIVER_DAMAGED, "4.3.0", "the message is damaged in the queue", 0 };

struct outcome
outcome_from_error(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return (struct outcome){ DELIVER_TEMPORARY, "4.3.1", "no space for the message", error };
	case ELOOP:
	case ENOTDIR:
	case EXDEV:
		return (struct outcome){ DELIVER_TEMPORARY, "4.3.5", "the mailbox is not a Maildir", error };
	default:
		return (struct outcome){ DELIVER_TEMPORARY, "4.3.0", "the message cannot be written", error };
	}
}

void
outcome_text(const struct outcome *outcome, char *out, size_t size)
{
	if (outcome->error == 0)
		snprintf(out, size, "%s", outcome->text);
	else
		snprintf(out, size, "%s: %s", outcome->text, strerror(-outcome->error));
}
