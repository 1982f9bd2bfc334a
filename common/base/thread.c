/*
 * Starting threads.
 */
#include "common/base/thread.h"

#include <signal.h>

int
thread_start(pthread_t *thread_r, void *(*run)(void *context), void *context)
{
	sigset_t blocked, before;
	int error;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(thread_r, NULL, run, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}
