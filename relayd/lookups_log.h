/*
 * What libunbound says of errors of its own, as lines of our log: it tells nobody else that it gets no socket, say.
 */
#ifndef ANGARIUM_RELAYD_LOOKUPS_LOG_H
#define ANGARIUM_RELAYD_LOOKUPS_LOG_H

#include <stdio.h>

enum { LOOKUPS_LOG_MS = 500 }; /* at least, between two lines of the log: there may be an error for each question */

/* For ub_ctx_debugout: one for all contexts, since libunbound itself has but one. NULL when out of memory. */
FILE *lookups_log(void);

#endif
