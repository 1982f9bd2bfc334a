/*
 * The parent of a service: inside common/proc only.
 *
 * parent.c supervises roles, parent_spawn.c starts one, parent_sockets.c binds what they listen on, parent_channels.c
 * answers their questions for channels, parent_watch.c ends one that hangs.
 */
#ifndef ANGARIUM_PROC_PARENT_H
#define ANGARIUM_PROC_PARENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/ipc/channel.h"
#include "common/proc/account.h"
#include "common/proc/control.h"
#include "common/proc/service.h"

enum {
	PARENT_CHILDREN_MAX = 256,
	PARENT_LISTENERS_MAX = 64,
};

enum child_state {
	CHILD_NONE,     /* not started yet, or waiting to be started again */
	CHILD_STARTING, /* executed; has not said READY */
	CHILD_READY,
};

struct parent;

struct child {
	struct parent *parent;
	const struct service_role *role;
	unsigned index;
	struct account account;
	enum child_state state;
	bool was_ready;   /* at any time: its next death is no mistake of configuration */
	pid_t pid;        /* 0 when there is no process */
	int64_t started;  /* clock_monotonic_ms */
	unsigned delay;   /* milliseconds before the next start */
	unsigned silent;  /* questions in a row that it has not answered */
	struct event *timer;
	struct channel *channel;
};

struct parent_listener {
	char name[CONTROL_NAME_MAX];
	const struct service_role *role;
	uid_t peer;              /* for UNIX sockets; -1 for TCP */
	char path[CONFIG_PATH_MAX + CONTROL_NAME_MAX]; /* of a UNIX socket, else "" */
	int fd;
};

struct parent {
	const struct service *service;
	const char *config_path;
	struct config config;
	char *text; /* of the configuration, owned */
	size_t text_length;
	bool privileged;
	struct event_base *base;
	struct event *signals[5];
	struct event *deadline; /* of the stop */
	struct event *watch;    /* asks the roles whether they are well */
	struct event *log_readable;
	int log_sockets[2]; /* datagrams: ours, the roles' */
	int lock;           /* descriptor that holds the service's lock */
	char pid_path[CONFIG_PATH_MAX + CONTROL_NAME_MAX];
	struct child children[PARENT_CHILDREN_MAX];
	size_t child_count;
	struct parent_listener listeners[PARENT_LISTENERS_MAX];
	size_t listener_count;
	unsigned turn; /* for siblings asked in turn */
	struct parent_tls *tls; /* of service->tls */
	bool ready;
	bool stopping;
	int status;
	void (*on_ready)(void *context);
	void *on_ready_context;
};

/*
 * Runs the service until it is told to stop. CONFIG's text is given away to the parent. ON_READY is called once every role is ready. Returns the exit status.
 */
int parent_run(const struct service *service, const char *config_path, const struct config *config, char *text,
               size_t text_length, void (*on_ready)(void *context), void *context);

/* Prints "SERVICE: ..." on standard error and logs it. For start-up only. */
void parent_complain(const struct parent *parent, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes the run directory, takes the lock, writes the pid. 0, or an exit status after complaining. */
int parent_lock(struct parent *parent);
/* Makes the directories of the roles and binds every socket. 0, or an exit status after complaining. */
int parent_bind(struct parent *parent);
/* Binds what was not possible before, and gives it to the roles that are there. What cannot be bound is logged. */
void parent_bind_late(struct parent *parent);
/* Closes the TCP listeners that the configuration has no endpoints for any more, and has the roles close them when they get that configuration. */
void parent_unbind_early(struct parent *parent);
/* Removes the UNIX sockets and the pid file. */
void parent_unbind(struct parent *parent);

/* Starts the process of CHILD and greets it. 0 or a negative errno value. */
int parent_spawn(struct child *child);
/* Sends the configuration, and before it the files that the role is to have. 0 or a negative errno value. */
int parent_send_config(struct child *child);

/*
 * Asks the watched roles from now on, at intervals, whether their loop runs, and kills one that does not answer for role_timeout. Again after a
 * reload.
 */
void parent_watch(struct parent *parent);
void parent_on_watch(evutil_socket_t fd, short what, void *context);
/* CONTROL_PONG. */
int parent_on_pong(struct channel *channel, void *context, struct channel_frame *frame);

/* Gives CHILD a listening socket. 0 or a negative errno value. */
int parent_send_listener(struct child *child, const struct parent_listener *listener);

/* Answers CONTROL_ASK. */
int parent_on_ask(struct channel *channel, void *context, struct channel_frame *frame);

/* The control channel's protocol in the parent. Its context is the child. */
extern const struct channel_protocol parent_protocol;

/* Tells the service manager, when there is one (sd_notify(3)). */
void notify_manager(const char *state);

#endif
