/*
 * Dates as in header fields (RFC 5322 3.3). The calendar is computed here: gmtime(3) would open the time zone's
 * file, which a confined role cannot.
 */
#include "common/mail/date.h"

#include <stdio.h>
#include <time.h>

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	DAYS_OF_400_YEARS = 146097,
	DAYS_TO_1970 = 719468, /* from 0000-03-01 */
};

/* The last second of the year 9999: a year has four digits (RFC 5322 3.3 allows more, readers do not). */
static const int64_t latest = INT64_C(253402300799);

/* Writes WHEN, shifted by the zone's OFFSET (seconds east of UTC), which is shown. */
static void
format_with_offset(int64_t when, int offset, char *out)
{
	/* From 1970-01-01, and from March. */
	static const char weekdays[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	static const char months[12][4] = { "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		                            "Sep", "Oct", "Nov", "Dec", "Jan", "Feb" };
	const int64_t local = when + offset < 0 ? 0 : when + offset;
	const int days = (int)(local / DAY);
	const int seconds = (int)(local % DAY);
	/*
	 * Years are counted from March, so that the leap day is a year's last: month lengths then follow one line,
	 * 153 days in five.
	 */
	const int era_day = (days + DAYS_TO_1970) % DAYS_OF_400_YEARS;
	const int era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
	const int year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
	const int month = (5 * year_day + 2) / 153;
	const int day = year_day - (153 * month + 2) / 5 + 1;
	const int year = (days + DAYS_TO_1970) / DAYS_OF_400_YEARS * 400 + era_year + (month >= 10 ? 1 : 0);
	const int east = offset < 0 ? -offset : offset;

	snprintf(out, DATE_SIZE, "%s, %d %s %04d %02d:%02d:%02d %c%02d%02d", weekdays[days % 7], day, months[month],
	         year, seconds / HOUR, seconds % HOUR / MINUTE, seconds % MINUTE, offset < 0 ? '-' : '+',
	         east / HOUR, east % HOUR / MINUTE);
}

static int64_t
clamp(int64_t when)
{
	return when < 0 ? 0 : when > latest ? latest : when;
}

void
date_format(int64_t when, char *out)
{
	const time_t seconds = (time_t)clamp(when);
	struct tm broken_down;
	int offset = 0;

	if (localtime_r(&seconds, &broken_down) != NULL)
		offset = (int)broken_down.tm_gmtoff;
	format_with_offset(clamp(when), offset, out);
}

void
date_format_utc(int64_t when, char *out)
{
	format_with_offset(clamp(when), 0, out);
}
