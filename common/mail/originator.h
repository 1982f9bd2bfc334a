/*
 * The addresses in a From: field (RFC 5322 3.6.2, 3.4), to ask whether a user may write as them.
 *
 * Strict where programs might read something else than we do: what is no list of mailboxes is malformed, not guessed at. Display names and
 * comments are passed over; the old forms with routes and blanks around dots are understood.
 */
#ifndef ANGARIUM_MAIL_ORIGINATOR_H
#define ANGARIUM_MAIL_ORIGINATOR_H

#include "common/base/slice.h"
#include "common/mail/address.h"

enum { ORIGINATOR_TEXT_SIZE = ADDRESS_PATH_MAX + 1 }; /* bytes */

/*
 * Takes the next mailbox off *rest, a field's value with or without its folding. 1 with its address, unquoted, in OUT (ADDRESS_MAX + 1
 * bytes); 0 at the end; -EINVAL when it is malformed.
 */
int originator_next(struct slice *rest, char *out);
/*
 * The same for lists that programs write, with addresses that may lack their domain: the text of the next one as it stands there, without blanks and
 * comments, in OUT (ORIGINATOR_TEXT_SIZE bytes), to be parsed by the caller. An empty one ("<>") is malformed.
 */
int originator_next_text(struct slice *rest, char *out);

#endif
