/*
 * The roles of queued: what main.c starts.
 */
#ifndef ANGARIUM_QUEUED_ROLES_H
#define ANGARIUM_QUEUED_ROLES_H

struct process;

int queue_main(struct process *process);
int syncer_main(struct process *process);

#endif
