/*
 * An intruder in the place of each role: what it tries once it has taken a confined process over.
 */
#ifndef ANGARIUM_INTRUDER_H
#define ANGARIUM_INTRUDER_H

#include <stddef.h>

#include "common/mail/config.h"

struct attack {
	const char *name;
	/* 0 when it got through, else the errno value that it was stopped by. */
	int (*try)(const struct config *config);
	/* The directory that a role of its own may well open; NULL for what nobody may do, or those who are named. */
	const char *(*directory)(const struct config *config);
	/* Roles whose work it is. */
	const char *own[3];
};

extern const struct attack attacks[];
extern const size_t attack_count;

#endif
