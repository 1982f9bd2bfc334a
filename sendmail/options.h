/*
 * The command line of sendmail, as programs of many decades use it.
 */
#ifndef ANGARIUM_SENDMAIL_OPTIONS_H
#define ANGARIUM_SENDMAIL_OPTIONS_H

#include <stdbool.h>

enum sendmail_mode {
	SENDMAIL_MESSAGE, /* -bm: a message on standard input */
	SENDMAIL_SMTP,    /* -bs: SMTP on standard input and output */
	SENDMAIL_LIST,    /* -bp, mailq */
	SENDMAIL_RUN,     /* -q */
	SENDMAIL_ALIASES, /* -bi, newaliases */
};

struct sendmail_options {
	enum sendmail_mode mode;
	const char *config;    /* -C */
	bool from_header;      /* -t: recipients are those of the header section */
	bool dots;             /* -i: a line with a dot alone is text */
	bool eight_bit;        /* -B 8BITMIME */
	const char *full_name; /* -F, or NULL */
	const char *sender;    /* -f, or NULL; "" is the null reverse-path */
	const char *notify;    /* -N as a value of NOTIFY (RFC 3461 4.1), or NULL */
	const char *ret;       /* -R as a value of RET, or NULL */
	const char *envid;     /* -V, or NULL */
	char **recipients;
	int recipient_count;
};

enum { SENDMAIL_PROBLEM_SIZE = 160 };

/*
 * Strings are those of ARGV. PROBLEM (SENDMAIL_PROBLEM_SIZE bytes) says what is wrong. 0 or -EINVAL.
 */
int sendmail_options_parse(int argc, char **argv, struct sendmail_options *options_r, char *problem);

#endif
