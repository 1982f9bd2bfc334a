/*
 * A role process, seen from inside: what its parent gave it.
 */
#ifndef ANGARIUM_PROC_PROCESS_H
#define ANGARIUM_PROC_PROCESS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/mail/config.h"

struct process;

enum { PROCESS_STOP_MS = 10000 }; /* that a role has to stop by itself; then it is killed */

/* The loop, the present configuration (replaced on reload: do not keep pointers into it across turns of the loop). */
struct event_base *process_base(struct process *process);
const struct config *process_config(const struct process *process);
const char *process_role(const struct process *process);
/* This role's number among its copies: 0, 1, ... */
unsigned process_index(const struct process *process);

/*
 * The directory that this role may use, as the role sees it: "/" when it is in a chroot, else the absolute path. NULL when it has none.
 */
const char *process_directory(const struct process *process);

/*
 * How many of WANTED clients this process may have so that each finds EACH descriptors: as many, or what its limit of descriptors allows. The
 * latter is logged.
 */
unsigned process_clients(const struct process *process, unsigned wanted, unsigned each);

/*
 * Listening sockets, in the order of the configuration. NAME is a TCP listener's ("smtp", "submission", "pop3") or a
 * UNIX socket's name ("tabled-smtpd"). Returns the descriptor of the INDEXth one (non-blocking, owned by the process), or -1 past the last.
 */
int process_listener(const struct process *process, const char *name, size_t index);

/*
 * A file that the parent opened for reading (struct service_file of the role's description), or -1 when it is not there. The descriptor is the
 * process's, stays valid until the next reload, and the role has its offset for itself.
 */
int process_file(const struct process *process, const char *name);

/* The uid that may connect to the UNIX socket NAME, besides root and ourselves; or PROCESS_ANYBODY. Used by listener.c. */
#define PROCESS_ANYBODY ((uid_t)-2)
uid_t process_listener_peer(const struct process *process, const char *name);

/*
 * Asks the parent for a channel by name: that of another service ("tabled-smtpd"), of a sibling role ("session": any copy in turn), or of one
 * copy of it ("session/0"); RECEIVED is called with a connected descriptor that it then owns, or with a negative errno value.
 * 0, or a negative errno value when the question could not be sent (RECEIVED is then not called). Used by link.c.
 */
int process_request_channel(struct process *process, const char *name, void (*received)(void *context, int fd), void *context);

/*
 * Channels that a sibling role asked for ("session" opened by "login", say) arrive here. Set once, before process_ready. CALLBACK owns FD.
 */
void process_on_channel(struct process *process, const char *name, void (*callback)(void *context, int fd), void *context);

/* Called after the configuration was replaced (SIGHUP to the parent). */
void process_on_reload(struct process *process, void (*callback)(void *context), void *context);
/* Called when the service is to stop (SIGTERM to the parent). Finish quickly and call process_stop; without a callback the loop is simply left. */
void process_on_stop(struct process *process, void (*callback)(void *context), void *context);
void process_stop(struct process *process);

/*
 * Tells the parent that the role does its work now, and runs the loop until process_stop or the parent's death. Returns the exit status.
 */
int process_run(struct process *process);

struct service_role;
/* Used by service.c: becomes the role in a process that the parent has executed. Returns the exit status. */
int process_main(const char *service, const struct service_role *role);

#endif
