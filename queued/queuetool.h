/*
 * queuetool: what its files share.
 */
#ifndef ANGARIUM_QUEUED_QUEUETOOL_H
#define ANGARIUM_QUEUED_QUEUETOOL_H

#include <stdbool.h>
#include <stdio.h>

#include "common/base/command_line.h"
#include "common/base/plain.h"
#include "common/mail/config.h"
#include "queued/admin_frames.h"

enum tool_option {
	OPTION_JSON = 1,
	OPTION_FILTER = 2,    /* --sender, --recipient, --domain, --older, --newer */
	OPTION_ALL = 4,
	OPTION_CONTENT = 8,   /* --message, --headers */
	OPTION_FOLLOW = 16,
	OPTION_MAILQ = 32,
};

/* The command line. Strings are those of argv. */
struct tool_options {
	struct command_line line; /* given: enum tool_option; words: verb, queue ids */
	bool message;             /* --message, not --headers */
	const char *sender, *recipient, *domain;
	uint64_t older, newer;    /* seconds */
};

struct tool;

struct tool_command {
	const char *verb;
	const char *arguments; /* for the help */
	const char *summary;   /* the same */
	enum queue_verb call_verb;
	unsigned options;      /* enum tool_option that it knows */
	int ids_least, ids_most;
	/* Shows what came back. 0 or a sysexits(3) code. NULL: DONE and the count of messages. */
	int (*show)(struct tool *tool);
	const char *done;      /* "held" */
};

/* One run. */
struct tool {
	struct tool_options options;
	const struct tool_command *command;
	struct config config;
	uint64_t ids[QUEUE_IDS_MAX];
	struct queue_call call;
	int file; /* of the call: a memfd */
	struct queue_reply reply;
	uint64_t shown;  /* events of a trace */
	bool past_shown; /* those in the file */
};

/* 0, or a sysexits(3) code after it has said what is wrong. */
int tool_options(int argc, char **argv, struct tool_options *options_r);
/* The commands, ended by one whose verb is NULL. */
extern const struct tool_command tool_commands[];
void tool_help(FILE *out);

/* "queuetool: ..." on standard error. Returns STATUS. */
int tool_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

int tool_show_list(struct tool *tool);
int tool_show_messages(struct tool *tool);
int tool_show_stats(struct tool *tool);
int tool_show_whole_trace(struct tool *tool);
/* The events in the file, once; and one that comes. */
int tool_show_trace(struct tool *tool);
void tool_show_event(struct tool *tool, const struct queue_happening *happening);

/* Of one message; COMMA begins a further member. In queuetool_json.c. */
void tool_json_entry(const struct queue_entry *entry);
void tool_json_member(const char *name, struct slice text);
bool tool_wants_json(const struct tool *tool);

enum { TOOL_TEXT_SIZE = 32 };
/* "45s", "12m", "3h05m", "2d04h". Returns OUT (TOOL_TEXT_SIZE bytes). */
const char *tool_age(int64_t seconds, char *out);
/* "2026-11-22 15:04:05", local time. */
const char *tool_time(int64_t when, char *out);
const char *tool_size(uint64_t bytes, char *out);
const char *tool_state(enum queue_state state);
const char *tool_recipient_state(enum queue_recipient_state state);

#endif
