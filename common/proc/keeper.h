/*
 * The role "keeper": holds the private keys of a service, signs with them, and does nothing else. No key leaves it.
 */
#ifndef ANGARIUM_PROC_KEEPER_H
#define ANGARIUM_PROC_KEEPER_H

struct process;

int keeper_main(struct process *process);

#endif
