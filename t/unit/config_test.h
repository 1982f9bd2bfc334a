/*
 * For tests of the configuration: text that is accepted, and text that is refused with the right words.
 */
#ifndef ANGARIUM_T_UNIT_CONFIG_TEST_H
#define ANGARIUM_T_UNIT_CONFIG_TEST_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mail/config_directive.h"
#include "t/unit/unit.h"

static struct config config;
static char error[CONFIG_ERROR_MAX];

static inline int
parse(const char *text)
{
	return config_parse(&config, "file", slice_from_string(text), error);
}

/* Asserts that TEXT is refused and that what is said begins with "file:LINE: " and holds each of two texts. */
static inline void
refused(const char *text, unsigned line, const char *wrong, const char *right)
{
	char place[32];

	ck_assert_msg(parse(text) == -EINVAL, "accepted: %s", text);
	snprintf(place, sizeof(place), "file:%u: ", line);
	ck_assert_msg(strncmp(error, place, strlen(place)) == 0 && strstr(error, wrong) != NULL &&
	                      strstr(error, right) != NULL,
	              "of \"%s\" is said: %s", text, error);
}

/* Asserts that TEXT is accepted. */
static inline void
accepted(const char *text)
{
	ck_assert_msg(parse(text) == 0, "%s", error);
	ck_assert_str_eq(error, "");
}

#endif
