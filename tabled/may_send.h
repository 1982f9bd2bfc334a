/*
 * As whom a user may send.
 */
#ifndef ANGARIUM_TABLED_MAY_SEND_H
#define ANGARIUM_TABLED_MAY_SEND_H

#include "common/ipc/proto_table.h"
#include "common/ipc/wire.h"
#include "tabled/resolve.h"

/*
 * Whether the user NAME may send as ADDRESS: the user's own, with any subaddress; one of the list in the record; an alias or a
 * catch-all that leads to the user. MEMORY holds the targets of aliases, and is left empty.
 */
enum table_may_send may_send(const struct view *view, const struct resolve_settings *settings, const struct name *name,
                             const struct record_user *user, struct slice address, struct buffer *memory);

#endif
