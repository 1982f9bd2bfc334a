/*
 * The role "worker" of deliverd: takes jobs from queued and answers them.
 */
#ifndef ANGARIUM_DELIVERD_WORKER_H
#define ANGARIUM_DELIVERD_WORKER_H

struct process;

/* The role's main. Returns the exit status. */
int worker_main(struct process *process);

#endif
