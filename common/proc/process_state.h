/*
 * A role process, for the files that make it up: process.c, process_control.c and process_channels.c. Roles see process.h.
 */
#ifndef ANGARIUM_PROC_PROCESS_STATE_H
#define ANGARIUM_PROC_PROCESS_STATE_H

#include <event2/event.h>
#include <sys/queue.h>

#include "common/ipc/channel.h"
#include "common/proc/confine.h"
#include "common/proc/control.h"
#include "common/proc/held.h"
#include "common/proc/process.h"
#include "common/proc/service.h"

enum {
	PROCESS_EXPECTED_MAX = 4, /* names that siblings may ask for */
};

/* States of the control channel. */
enum process_state {
	PROCESS_PREPARING,
	PROCESS_RUNNING,
};

/* For a channel, to the parent. */
struct process_question {
	TAILQ_ENTRY(process_question) next;
	uint32_t request;
	void (*received)(void *context, int fd);
	void *context;
};

/* A sibling that may ask for a channel to us. */
struct process_expected {
	const char *name;
	void (*callback)(void *context, int fd);
	void *context;
};

struct process_callback {
	void (*call)(void *context);
	void *context;
};

struct process {
	const struct service_role *role;
	const char *service;
	struct event_base *base;
	struct event *flush_log;
	struct channel *control;
	struct config config;
	struct held held;
	struct process_expected expected[PROCESS_EXPECTED_MAX];
	size_t expected_count;
	TAILQ_HEAD(, process_question) questions;
	uint32_t last_request;
	struct process_callback on_reload;
	struct process_callback on_stop;
	struct confinement confinement;
	char directory[CONFIG_PATH_MAX];
	char name[CONTROL_NAME_MAX]; /* "smtpd/worker" */
	unsigned index;
	unsigned descriptors; /* that it may have */
	bool configured;
	bool started;
	bool stopping;
	int status;
};

/* process_control.c: what the parent says. The context is the process. */
extern const struct channel_protocol process_control_protocol;

/* process_channels.c: the handlers of the frames that bring channels. */
int process_on_answer(struct channel *channel, void *context, struct channel_frame *frame);
int process_on_refused(struct channel *channel, void *context, struct channel_frame *frame);
int process_on_incoming(struct channel *channel, void *context, struct channel_frame *frame);

#endif
