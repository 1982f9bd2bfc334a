/*
 * What a server offers: the lines of its reply to EHLO or LHLO (RFC 5321 4.1.1.1).
 */
#ifndef ANGARIUM_RELAYD_EHLO_H
#define ANGARIUM_RELAYD_EHLO_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"

/* All zero: nothing is offered. */
struct ehlo {
	bool pipelining;   /* RFC 2920 */
	bool chunking;     /* RFC 3030 */
	bool eightbitmime; /* RFC 6152 */
	bool smtputf8;     /* RFC 6531 */
	bool dsn;          /* RFC 3461 */
	bool starttls;     /* RFC 3207 */
	bool size;         /* RFC 1870: the size may be declared */
	bool auth_plain;   /* RFC 4954, RFC 4616 */
	bool auth_login;
	uint64_t size_limit; /* bytes; 0: none, or none that is told */
};

/*
 * Takes one line's words, without code; the first line of a reply, which is a greeting, is not for it. What is unknown or
 * malformed means nothing.
 */
void ehlo_take(struct ehlo *ehlo, struct slice words);

#endif
