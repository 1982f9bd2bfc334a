/*
 * The text of records, one a line: what dbtool exports and imports.
 *
 *   domain example.org
 *   domain example.net kind=relay
 *   user alice@example.org password=$y$j9T$... path=example.org/alice quota=1G enabled=no send-as=x@b.example
 *   user bob@example.org scram=10000:W22ZaJ0SNY7soEsUEjb6gQ==,:1795348800:WG5d8...=:wfPLw...=
 *   alias info@example.org to=alice@example.org,bob@example.net
 *   alias @example.org to=alice@example.org
 *   route example.net via=smtp://mail.example.net:2525 tls=verify
 *   route * via=smtps://smarthost.example tls=required user=me password=secret
 *
 * Words are divided by spaces or tabs. A byte up to 32, 127, "%" or "," inside a word is written %XX. Absent
 * fields have their defaults. Empty lines, and those that begin with "#", are ignored.
 */
#ifndef ANGARIUM_TABLED_LINE_H
#define ANGARIUM_TABLED_LINE_H

#include "tabled/admin.h"

enum {
	LINE_MAX_SIZE = 4 * 1024 * 1024, /* bytes of a line */
	LINE_PROBLEM_SIZE = 256,         /* bytes of what is said to be wrong with one */
};

/* What a line is taken apart into. */
enum line_buffer {
	LINE_NAME,
	LINE_VALUE,  /* the record */
	LINE_FIRST,  /* a password, or an alias's targets */
	LINE_SECOND, /* a user's path, or a route in words */
	LINE_THIRD,  /* a user's send-as, or the login of a route */
	LINE_WORD,
	LINE_BUFFERS,
};

/* SCRAM keys of a user. */
struct line_secrets {
	unsigned char salt[SCRAM_SALT_MAX];
	size_t salt_length;
	uint32_t iterations;
	uint32_t count;
	struct buffer items; /* a list of secrets, as in records */
};

struct line {
	struct line_secrets secrets;
	struct admin_record record; /* points into the buffers, until the next line_parse */
	struct buffer buffers[LINE_BUFFERS];
};

void line_init(struct line *line);
void line_free(struct line *line);
/*
 * TEXT has no line end. 1 with line->record, 0 when there is nothing in it, or -EINVAL with PROBLEM
 * (LINE_PROBLEM_SIZE bytes).
 */
int line_parse(struct line *line, struct slice text, char *problem);
/* Appends the line of RECORD, with its line end. 0, -EBADMSG (a malformed record), -ENOBUFS, -ENOMEM. */
int line_format(const struct admin_record *record, struct buffer *out);

/* The field "scram" of a line, by line.c and line_format.c. 0, -EINVAL; 0 or a negative errno value. */
int line_parse_secrets(struct slice text, struct line_secrets *secrets);
int line_format_secrets(const struct record_user *user, struct buffer *out);

/* As route_parse, but capitals may stand in names of hosts. The route points into MEMORY, whose contents are replaced. 0, -EINVAL, -ENOMEM. */
int line_parse_route(struct slice words, struct buffer *memory, struct route *route_r);
/* "standard", "off", "required", "verify". 0 or -EINVAL. */
int line_parse_tls(struct slice word, enum route_tls *tls_r);
const char *line_tls_word(enum route_tls tls);

/* "1G", "500M", "1024", "none". 0 or -EINVAL or -ERANGE. */
int line_parse_size(struct slice text, uint64_t *size_r);
/* The shortest such text into OUT (32 bytes). */
void line_format_size(uint64_t size, char *out);

#endif
