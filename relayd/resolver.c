/*
 * The resolver's main: channels of workers arrive here.
 */
#include "relayd/resolver.h"

#include "common/proc/process.h"

int
resolver_main(struct process *process)
{
	return process_run(process);
}
