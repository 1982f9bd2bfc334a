/*
 * dbtool: what its files share.
 */
#ifndef ANGARIUM_TABLED_DBTOOL_H
#define ANGARIUM_TABLED_DBTOOL_H

#include <stdbool.h>
#include <stdio.h>

#include "common/base/command_line.h"
#include "common/base/plain.h"
#include "common/mail/config.h"
#include "tabled/admin.h"

enum dbtool_option {
	OPTION_JSON = 1,
	OPTION_PASSWORD = 2,  /* one of --password-stdin, --hash-stdin, --no-password */
	OPTION_QUOTA = 4,
	OPTION_PATH = 8,
	OPTION_SEND_AS = 16,
	OPTION_KIND = 32,     /* --relay or --local */
	OPTION_DISABLED = 64,
	OPTION_CHANGE = 128,  /* --add or --remove */
	OPTION_IF_EXISTS = 256,
	OPTION_IF_NOT_EXISTS = 512,
	OPTION_RECURSIVE = 1024,
	OPTION_TLS = 2048,
	OPTION_USER = 4096,
};

enum dbtool_password {
	PASSWORD_ASK,   /* at the terminal, twice */
	PASSWORD_STDIN, /* one line of standard input */
	PASSWORD_HASH_STDIN,
	PASSWORD_NONE,
};

/* The command line. Strings are those of argv. */
struct dbtool_options {
	struct command_line line; /* given: enum dbtool_option; words: noun, verb, arguments */
	enum dbtool_password password;
	const char *quota, *path, *send_as;
	const char *tls, *user;
	enum record_domain_kind kind;
	bool remove; /* --remove, not --add */
};

/* 0, or a sysexits(3) code after it has said what is wrong. */
int options_parse(int argc, char **argv, struct dbtool_options *options_r);

struct dbtool;

/* One command, such as "user add". */
struct dbtool_command {
	const char *noun;
	const char *verb;      /* NULL: the noun is the whole command */
	const char *arguments; /* for the help */
	const char *summary;   /* the same; NULL: it is not listed there */
	int minimum;           /* of arguments */
	int maximum;
	unsigned options; /* enum dbtool_option that it knows */
	/* Completes the call. 0 or a sysexits(3) code. NULL: there is nothing to complete. */
	int (*prepare)(struct dbtool *dbtool);
	/* Shows what came back. 0 or a sysexits(3) code. NULL: only the message. */
	int (*show)(struct dbtool *dbtool);
	enum admin_noun call_noun;
	enum admin_verb call_verb;
	uint32_t call_fields;
};

/* The commands, ended by one whose noun is NULL. */
extern const struct dbtool_command dbtool_commands[];

/* One run. */
struct dbtool {
	struct dbtool_options options;
	const struct dbtool_command *command;
	char **arguments;  /* after noun and verb */
	int argument_count;
	struct config config;
	struct admin_call call;
	struct buffer name;   /* memory of call.name and .record */
	struct buffer record;
	struct buffer secret; /* memory of call.secret: a password as it is */
	int file;             /* of the call: a memfd */
	struct admin_reply reply;
	bool dropped;         /* runs as the table's account by now */
};

/* "dbtool: ..." on standard error. Returns STATUS. */
int dbtool_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
void dbtool_help(FILE *out);

/* The call's name, and its record; a password is asked for. 0 or a sysexits(3) code. */
int prepare_name(struct dbtool *dbtool);
int prepare_domain(struct dbtool *dbtool);
int prepare_user(struct dbtool *dbtool);
int prepare_app_password(struct dbtool *dbtool);
int prepare_alias(struct dbtool *dbtool);
int prepare_route(struct dbtool *dbtool);
int prepare_filter(struct dbtool *dbtool);
int prepare_import(struct dbtool *dbtool);

int show_records(struct dbtool *dbtool);
int show_export(struct dbtool *dbtool);
int show_notes(struct dbtool *dbtool);
int show_app_password(struct dbtool *dbtool); /* the new one */
int show_app_passwords(struct dbtool *dbtool);

/*
 * Asks for, or reads, a password, and appends its hash to OUT, and the password itself to dbtool->secret. 0 or a sysexits(3)
 * code.
 */
int password_hash(struct dbtool *dbtool, struct buffer *out);
/* Reads an app password, or makes one, into dbtool->secret. 0 or a sysexits(3) code. */
int password_app(struct dbtool *dbtool);
/* Asks for, or reads, the password of a route, and appends it to OUT. 0 or a sysexits(3) code. */
int password_route(struct dbtool *dbtool, struct buffer *out);

/*
 * Does the call: by tabled when it runs, else on the table itself. Tries for some seconds when tabled is just
 * starting. Fills in dbtool->reply. 0 or a sysexits(3) code.
 */
int dbtool_run(struct dbtool *dbtool);
/*
 * By tabled. 0 or a negative errno value: -ENOENT or -ECONNREFUSED (it does not run), -ECONNRESET (it went
 * away), -ETIMEDOUT, ...
 */
int remote_run(struct dbtool *dbtool);
/*
 * Without tabled. 0, -EBUSY (somebody has the table open), or a sysexits(3) code after it has said what
 * failed.
 */
int local_run(struct dbtool *dbtool);

/* A bar on standard error, when that is a terminal. TITLE stays; ended by progress_end. */
void progress_show(const char *title, uint64_t done, uint64_t total);
void progress_end(void);

/* JSON of one record, without a line end. */
void json_record(FILE *out, const struct admin_record *record);

#endif
