/*
 * A service, as its main.c describes it: roles, the sockets that they listen on, and the channels that they may ask for.
 */
#ifndef ANGARIUM_PROC_SERVICE_H
#define ANGARIUM_PROC_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/mail/config.h"

struct process;
struct role_tls;
struct service_tls;

enum service_limits {
	SERVICE_NAMES_MAX = 8,
	SERVICE_ROLES_MAX = 4,
};

/* A TCP listener, bound by the parent. */
struct service_tcp {
	const char *name;                                              /* "smtp" */
	const struct config_endpoints *(*endpoints)(const struct config *); /* where */
};

/* A file that only the parent may open, and the role reads: process_file(). */
struct service_file {
	const char *name;                              /* "resolv.conf" */
	const char *(*path)(const struct config *);    /* "" or missing: the role is not given it */
};

/* UNIX sockets that are not ours. The role asks for the channel PREFIX PATH ("lmtp:/run/dovecot/lmtp"); any other PATH is answered with -ENOTSUP. */
struct service_foreign {
	const char *prefix;                                          /* "lmtp:" */
	const struct config_paths *(*paths)(const struct config *); /* what may be asked for */
};

/* A UNIX socket that a role listens on. */
struct service_unix {
	const char *name;                                 /* "tabled-smtpd"; the path is RUN/NAME.sock */
	const char *(*peer_account)(const struct config *); /* who may connect, besides root; NULL: every local user */
};

struct service_role {
	const char *name;                              /* "worker" */
	const char *(*account)(const struct config *); /* the account it runs as */
	unsigned (*count)(const struct config *);      /* how many processes, possibly none; NULL: one */
	/* The only directory that it may use; NULL: none, an empty chroot. The parent makes it, owned by the role's account, mode 0700. */
	const char *(*directory)(const struct config *);
	const struct service_tcp *tcp[SERVICE_NAMES_MAX];   /* NULL-terminated */
	const struct service_unix *sockets[SERVICE_NAMES_MAX];
	const char *channels[SERVICE_NAMES_MAX];            /* other services' sockets that it may ask for */
	const char *siblings[SERVICE_NAMES_MAX];            /* roles of this service that it may ask for a channel to */
	const struct service_file *files[SERVICE_NAMES_MAX]; /* read-only */
	const struct service_foreign *foreign;              /* NULL: none */
	bool watched;                                       /* its loop never waits: the parent ends it when it does not answer for role_timeout */
	bool connects;                                      /* it opens sockets of its own and connects them (confine_calls.c says which) */
	const struct role_tls *tls;                         /* &role_speaks_tls or &role_keeps_keys (common/proc/role_tls.h), or NULL */
	unsigned descriptors;                               /* RLIMIT_NOFILE; 0: the largest allowed */
	/* Optional. Runs before confinement, when everything that the parent sends at first is there. 0 or a negative errno value. */
	int (*prepare)(struct process *process);
	/* Runs confined. Returns the exit status; ends with process_run. */
	int (*main)(struct process *process);
};

struct service {
	const char *name; /* "smtpd" */
	const struct service_role *roles[SERVICE_ROLES_MAX]; /* NULL-terminated; started in this order, each ready before the next */
	const struct service_tls *tls; /* &service_tls (common/proc/role_tls.h) when a role has TLS, else NULL */
};

/*
 * The whole of a daemon's main(): parses the command line (-c FILE, -n check the configuration, -d detach),
 * becomes the parent, or, when executed by the parent, the role. Returns the exit status (sysexits(3)).
 */
int service_main(const struct service *service, int argc, char **argv);

#endif
