/*
 * The loop of a relay worker.
 */
#include "relayd/worker.h"

#include "common/proc/process.h"

int
worker_main(struct process *process)
{
	return process_run(process);
}
