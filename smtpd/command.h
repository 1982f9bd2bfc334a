/*
 * Command lines (RFC 5321 4.1.1, 2.3.8): cut from the input, and taken apart. Pure functions on what the client
 * sent.
 */
#ifndef ANGARIUM_SMTPD_COMMAND_H
#define ANGARIUM_SMTPD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

enum {
	/*
	 * Bytes of a command line with its CRLF. RFC 5321 4.5.3.1.4 says 512; SIZE, 8BITMIME, SMTPUTF8 and
	 * above all DSN (RFC 3461 5: ORCPT alone has 500) enlarge it. Longer lines are refused, and are not
	 * kept.
	 */
	COMMAND_LINE_MAX = 4096,
};

enum command_line {
	COMMAND_LINE_MORE,     /* its end has not arrived */
	COMMAND_LINE_WHOLE,
	COMMAND_LINE_BARE_LF,  /* a line feed alone: the command goes on to the next CRLF, but is refused */
	COMMAND_LINE_TOO_LONG, /* no end within COMMAND_LINE_MAX: pass the rest to command_skip */
};

/*
 * Cuts the first line off INPUT. Only CRLF ends a line. WHOLE: *line_r is it, without CRLF. WHOLE and BARE_LF:
 * *used_r bytes are done with; else 0.
 */
enum command_line command_cut(struct slice input, struct slice *line_r, size_t *used_r);
/* How many bytes of INPUT belong to a line that is too long; *end_r when that is with its CRLF. */
size_t command_skip(struct slice input, bool *end_r);

struct command {
	struct slice verb;
	struct slice arguments; /* after the blanks that follow the verb, without blanks at the end */
	bool eight_bit;         /* a byte above 127 is in it */
};

/* Takes a line apart. 0, or -EINVAL: a control character is in it (NUL, a bare CR). */
int command_parse(struct slice line, struct command *command_r);

/*
 * "FROM:" or "TO:" at the beginning of *rest, in any case: removed, with blanks after it. RFC 5321 3.3 allows
 * no blank there, but many clients send one, and it can mean nothing else.
 */
bool command_take_keyword(struct slice *rest, struct slice keyword);

struct command_parameter {
	struct slice keyword;
	struct slice value;
	bool has_value; /* "=" was there */
};

/* Takes the next parameter (RFC 5321 4.1.1.11) off *rest. 1, 0 at the end, -EINVAL when it is not one. */
int command_take_parameter(struct slice *rest, struct command_parameter *parameter_r);

#endif
