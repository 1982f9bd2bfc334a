/*
 * seccomp: which system calls a role may make. The roles stand side by side in confine_calls.c.
 */
#ifndef ANGARIUM_PROC_CONFINE_CALLS_H
#define ANGARIUM_PROC_CONFINE_CALLS_H

/*
 * Installs the allow-list of ROLE ("smtpd/worker") for good, for this thread and those that it starts. A call that is not allowed ends the
 * process after its number, name and the role were logged. A role without an entry gets what all roles have. 0 or a negative errno value.
 */
int confine_calls(const char *role);

#endif
