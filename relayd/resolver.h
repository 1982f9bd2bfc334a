/*
 * The role "resolver" of relayd: asks name servers for the workers (relayd/proto_resolve.h).
 */
#ifndef ANGARIUM_RELAYD_RESOLVER_H
#define ANGARIUM_RELAYD_RESOLVER_H

struct process;

/* The role's main. Returns the exit status. */
int resolver_main(struct process *process);

#endif
