/*
 * queuetool: words and numbers for people.
 */
#include <time.h>

#include "queued/queuetool.h"

enum {
	MINUTE = 60, /* seconds */
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
};

const char *
tool_age(int64_t seconds, char *out)
{
	long long age = seconds < 0 ? 0 : seconds;

	if (age < MINUTE)
		snprintf(out, TOOL_TEXT_SIZE, "%llds", age);
	else if (age < HOUR)
		snprintf(out, TOOL_TEXT_SIZE, "%lldm", age / MINUTE);
	else if (age < DAY)
		snprintf(out, TOOL_TEXT_SIZE, "%lldh%02lldm", age / HOUR, age % HOUR / MINUTE);
	else
		snprintf(out, TOOL_TEXT_SIZE, "%lldd%02lldh", age / DAY, age % DAY / HOUR);
	return out;
}

const char *
tool_time(int64_t when, char *out)
{
	time_t seconds = (time_t)when;
	struct tm local;

	if (localtime_r(&seconds, &local) == NULL || strftime(out, TOOL_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
		snprintf(out, TOOL_TEXT_SIZE, "?");
	return out;
}

const char *
tool_size(uint64_t bytes, char *out)
{
	static const char units[] = "BkMGT";
	double number = (double)bytes;
	size_t unit = 0;

	while (number >= 1024 && unit + 2 < sizeof(units)) {
		number /= 1024;
		unit++;
	}
	snprintf(out, TOOL_TEXT_SIZE, unit == 0 || number >= 100 ? "%.0f%c" : "%.1f%c", number, units[unit]);
	return out;
}

const char *
tool_state(enum queue_state state)
{
	static const char *const names[QUEUE_STATE_END] = {
		[QUEUE_ACTIVE] = "active", [QUEUE_NEW] = "new",       [QUEUE_DEFERRED] = "deferred",
		[QUEUE_HELD] = "held",     [QUEUE_PARKED] = "parked",
	};

	return names[state];
}

const char *
tool_recipient_state(enum queue_recipient_state state)
{
	static const char *const names[QUEUE_RECIPIENT_STATE_END] = {
		[QUEUE_RECIPIENT_WAITING] = "waiting", [QUEUE_RECIPIENT_ACTIVE] = "active",   [QUEUE_RECIPIENT_DELIVERED] = "delivered",
		[QUEUE_RECIPIENT_RELAYED] = "relayed", [QUEUE_RECIPIENT_FAILED] = "failed",   [QUEUE_RECIPIENT_EXPIRED] = "expired",
		[QUEUE_RECIPIENT_REMOVED] = "removed", [QUEUE_RECIPIENT_EXPANDED] = "expanded",
	};

	return names[state];
}
