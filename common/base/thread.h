/*
 * Threads, of the few roles that have one beside their event loop.
 */
#ifndef ANGARIUM_BASE_THREAD_H
#define ANGARIUM_BASE_THREAD_H

#include <pthread.h>

/*
 * Starts a thread that calls RUN with CONTEXT. Signals that come from outside stay the loop's; a broken filter (SIGSYS) is reported from here too.
 * 0 or a negative errno value.
 */
int thread_start(pthread_t *thread_r, void *(*run)(void *context), void *context);

#endif
