/*
 * Dates as in header fields: "Tue, 3 Nov 2026 09:05:00 +0100" (RFC 5322 3.3).
 */
#ifndef ANGARIUM_MAIL_DATE_H
#define ANGARIUM_MAIL_DATE_H

#include <stddef.h>
#include <stdint.h>

enum { DATE_SIZE = 40 }; /* bytes that every date fits in, with its NUL */

/* WHEN in seconds since 1970, in the local time zone. OUT has DATE_SIZE bytes. */
void date_format(int64_t when, char *out);
/* Always in UTC, "+0000": for roles whose chroot holds no time zone files. */
void date_format_utc(int64_t when, char *out);

#endif
