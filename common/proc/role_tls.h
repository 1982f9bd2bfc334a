/*
 * TLS in a service: what a role's and a service's description name to have it. Those that do not name it do not link OpenSSL's TLS.
 *
 * The parent reads certificates and keys (parent_tls.c). Roles that speak TLS get the certificates (role_speaker.c); a
 * keeper gets the keys (keeper.c), and signs for the others.
 */
#ifndef ANGARIUM_PROC_ROLE_TLS_H
#define ANGARIUM_PROC_ROLE_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/ipc/channel.h"

struct child;
struct config;
struct parent;
struct process;
struct tls_context;

struct role_tls {
	bool keys; /* gets the private keys instead of the certificates */
	/* Before confinement, when everything that the parent sends at first is there. 0 or a negative errno value. */
	int (*prepare)(struct process *process);
	const struct channel_handler *handlers; /* of the control channel; their context is the process */
	size_t handler_count;
};

struct service_tls {
	/* Looks at what CONFIG, which stands in the file at PATH, names. 0, or -EINVAL with file, line and what is wrong in ERROR (CONFIG_ERROR_MAX bytes). */
	int (*check)(const struct config *config, const char *path, char *error);
	/* Reads what the configuration names, at the start. 0, or an exit status after complaining. */
	int (*load)(struct parent *parent);
	/* Sends CHILD what it must have. 0 or a negative errno value. */
	int (*send)(struct child *child);
	/* Reads it again after the configuration was replaced, and sends it to all who have it. */
	void (*reload)(struct parent *parent);
	void (*free)(struct parent *parent);
};

extern const struct service_tls service_tls;
/* Also needs the sibling "keeper". */
extern const struct role_tls role_speaks_tls;
extern const struct role_tls role_keeps_keys;

/* The context that new connections of a role that speaks TLS are made with; NULL until there is a certificate. Never keep it. */
struct tls_context *role_tls_context(void);

/* For services: whether there are the listeners that need a certificate. */
bool role_tls_configured(const struct config *config);

#endif
