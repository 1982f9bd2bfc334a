/*
 * The role "worker" of relayd: takes jobs from queued, relays them, and answers for each recipient.
 */
#ifndef ANGARIUM_RELAYD_WORKER_H
#define ANGARIUM_RELAYD_WORKER_H

struct process;

/* The role's main. Returns the exit status. */
int worker_main(struct process *process);

#endif
