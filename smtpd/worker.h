/*
 * The role "worker": accepts clients and speaks SMTP with them.
 */
#ifndef ANGARIUM_SMTPD_WORKER_H
#define ANGARIUM_SMTPD_WORKER_H

struct process;

int worker_main(struct process *process);

#endif
