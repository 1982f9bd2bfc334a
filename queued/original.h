/*
 * What the header section of a message says that matters for reports about it. Pure functions on bytes from outside.
 */
#ifndef ANGARIUM_QUEUED_ORIGINAL_H
#define ANGARIUM_QUEUED_ORIGINAL_H

#include <stdbool.h>

#include "common/base/slice.h"

/*
 * True when no person waits for this message to arrive: it came from a list, in bulk or from a program. A warning that it is late would
 * help nobody.
 */
bool original_is_automatic(struct slice header);
/* Its Message-ID, "<...>" in printable ASCII, or empty when there is none that is fit to be repeated. */
struct slice original_message_id(struct slice header);
/* The header section of MESSAGE, of at most MOST bytes in whole lines. */
struct slice original_header(struct slice message, size_t most);

#endif
