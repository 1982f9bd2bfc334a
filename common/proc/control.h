/*
 * The control channel between a parent and a role: descriptor 3 of the role.
 *
 * The parent sends the configuration, the listeners and START; the role answers READY and may from then on ask for channels.
 */
#ifndef ANGARIUM_PROC_CONTROL_H
#define ANGARIUM_PROC_CONTROL_H

enum {
	CONTROL_FD = 3,
	LOCK_FD = 4, /* the service's lock, kept by each role until it is gone */
	CONTROL_FRAME_MAX = 2 * 1024 * 1024, /* bytes: a configuration of 1 MiB and some */
	CONTROL_NAME_MAX = 64,               /* bytes of a name with its NUL */
	CONTROL_CHANNEL_MAX = 64 + 256,      /* bytes of a channel's name with its NUL: it may have a path in it */
};

enum control_type {
	/* parent -> role */
	CONTROL_CONFIG = 1,   /* string file name, slice text; again on reload */
	CONTROL_LISTENER = 2, /* string name, u32 uid of the peer (UNIX sockets); descriptor */
	CONTROL_LOG = 3,      /* descriptor of the log socket */
	CONTROL_START = 4,    /* u32 index among the role's copies, u8 privileged, u32 uid, u32 gid of its account */
	CONTROL_CHANNEL = 5,  /* the channel asked for by this request id; descriptor */
	CONTROL_REFUSED = 6,  /* u32 errno; the same without one */
	CONTROL_INCOMING = 7, /* string name; descriptor: a sibling asked for us */
	CONTROL_STOP = 8,
	CONTROL_FILE = 9,     /* string name; descriptor, open for reading: before the configuration that names it, again on reload */
	CONTROL_PING = 10,    /* answered with CONTROL_PONG: the role's loop runs */
	CONTROL_UNLISTEN = 11, /* string name: its listeners are to be closed with the configuration that comes next */
	/* parent -> role that speaks TLS or keeps its keys, before START and again on reload */
	CONTROL_TLS_TICKETS = 32, /* slice keys of session tickets (common/io/tls_ticket.h); also when they are changed */
	CONTROL_TLS_CHAIN = 33,   /* slice certificate chain in PEM: one more; not for keepers */
	CONTROL_TLS_KEY = 34,     /* slice private key in PEM: one more; for keepers only */
	CONTROL_TLS_USE = 35,     /* u8 nothing older than TLS 1.3: what came since the last time is all, and to be used now */
	/* role -> parent */
	CONTROL_READY = 16,
	CONTROL_ASK = 17,     /* string name of a channel */
	CONTROL_PONG = 18,
};

#endif
