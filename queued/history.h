/*
 * What happened lately to messages, in memory: for those who ask for a message's story, also when it has just ended. A ring of a fixed number of
 * bytes; what is old is forgotten. And how many things of each kind have happened since the start.
 */
#ifndef ANGARIUM_QUEUED_HISTORY_H
#define ANGARIUM_QUEUED_HISTORY_H

#include <stdint.h>

#include "queued/admin_frames.h"

struct history;

enum { HISTORY_SIZE = 4 * 1024 * 1024 }; /* bytes: some ten thousand events */

/* SIZE in bytes, at least 4096. NULL when out of memory. */
struct history *history_new(size_t size);
/* Sets *history to NULL. */
void history_free(struct history **history);

/* Texts are copied, and cut where they are too long. HISTORY may be NULL: nothing is kept. */
void history_add(struct history *history, uint64_t id, enum queue_event event, struct slice address, struct slice status,
                 struct slice text);
/* Calls EACH for each event of ID that is not forgotten, oldest first; slices live until it returns. How many there were. */
size_t history_each(const struct history *history, uint64_t id, void (*each)(void *context, const struct queue_happening *happening),
                    void *context);
/* Events since the start. */
uint64_t history_count(const struct history *history, enum queue_event event);
/* When that was, seconds since 1970. */
int64_t history_start(const struct history *history);

/* WATCHER is told of each event from now on; one only, NULL: nobody. It must not add events. */
void history_watch(struct history *history,
                   void (*watcher)(void *context, uint64_t id, const struct queue_happening *happening), void *context);

#endif
