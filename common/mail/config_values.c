/*
 * Values of directives: single words, numbers, times, sizes, paths and names. Lists are in config_lists.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/mail/address.h"
#include "common/mail/config_directive.h"

/* A letter after a number, and what the number is multiplied by. */
struct unit {
	char letter;
	uint64_t factor;
};

static const struct unit time_units[] = { { 'd', 24 * 60 * 60 }, { 'h', 60 * 60 }, { 'm', 60 }, { 's', 1 } };
static const struct unit size_units[] = { { 'G', 1 << 30 }, { 'M', 1 << 20 }, { 'k', 1 << 10 } };

enum {
	RATE_COUNT_MAX = 1000 * 1000,
	TIME_UNITS = sizeof(time_units) / sizeof(time_units[0]),
	SIZE_UNITS = sizeof(size_units) / sizeof(size_units[0]),
};

const char *
config_quote(struct slice text, char *out)
{
	const size_t room = CONFIG_QUOTE_SIZE - sizeof("\"...\"");
	size_t length = text.length < room ? text.length : room;

	out[0] = '"';
	for (size_t i = 0; i < length; i++)
		out[1 + i] = text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?';
	snprintf(out + 1 + length, CONFIG_QUOTE_SIZE - 1 - length, "%s\"", length < text.length ? "..." : "");
	return out;
}

static const char *
show_with_unit(uint64_t number, const struct unit *units, size_t count, char *out)
{
	for (size_t i = 0; i < count; i++) {
		if (number != 0 && number % units[i].factor == 0) {
			snprintf(out, CONFIG_QUOTE_SIZE, "%" PRIu64 "%c", number / units[i].factor,
			         units[i].letter);
			return out;
		}
	}
	snprintf(out, CONFIG_QUOTE_SIZE, "%" PRIu64, number);
	return out;
}

const char *
config_show_time(uint64_t seconds, char *out)
{
	return show_with_unit(seconds, time_units, TIME_UNITS, out);
}

const char *
config_show_size(uint64_t bytes, char *out)
{
	return show_with_unit(bytes, size_units, SIZE_UNITS, out);
}

/* Digits and at most one letter of UNITS. 0, -EINVAL or -ERANGE. */
static int
read_with_unit(struct slice text, const struct unit *units, size_t count, uint64_t *number_r)
{
	uint64_t factor = 1;
	uint64_t number;
	int error;

	for (size_t i = 0; i < count && text.length > 1; i++) {
		if (text.data[text.length - 1] == units[i].letter) {
			factor = units[i].factor;
			text.length--;
			break;
		}
	}
	error = slice_to_number(text, UINT64_MAX, &number);
	if (error != 0)
		return error;
	if (number > UINT64_MAX / factor)
		return -ERANGE;
	*number_r = number * factor;
	return 0;
}

int
config_time(struct slice text, uint64_t *seconds_r)
{
	return read_with_unit(text, time_units, TIME_UNITS, seconds_r);
}

static bool
within(const struct config_directive *directive, uint64_t number)
{
	return number >= directive->least && number <= directive->most;
}

int
config_parse_number(const struct config_directive *directive, struct slice value, void *member,
                    const struct config_report *report)
{
	char quote[CONFIG_QUOTE_SIZE];
	uint64_t number;
	int error = slice_to_number(value, UINT32_MAX, &number);

	if (error == -EINVAL)
		return config_complain(report, "%s: %s is no number; write digits, %" PRIu64 " to %" PRIu64,
		                       directive->name, config_quote(value, quote), directive->least,
		                       directive->most);
	if (error != 0 || !within(directive, number))
		return config_complain(report, "%s: %s is out of range; write %" PRIu64 " to %" PRIu64,
		                       directive->name, config_quote(value, quote), directive->least,
		                       directive->most);
	*(uint32_t *)member = (uint32_t)number;
	return 0;
}

int
config_read_time(const struct config_directive *directive, struct slice text, uint32_t *seconds_r,
                 const struct config_report *report)
{
	char quote[CONFIG_QUOTE_SIZE], least[CONFIG_QUOTE_SIZE], most[CONFIG_QUOTE_SIZE];
	uint64_t seconds;
	int error = read_with_unit(text, time_units, TIME_UNITS, &seconds);

	if (error == -EINVAL)
		return config_complain(
			report, "%s: %s is no time; write a number with s, m, h or d, such as 90s, 15m, 4h, 5d",
			directive->name, config_quote(text, quote));
	if (error != 0 || !within(directive, seconds))
		return config_complain(report, "%s: %s is out of range; write %s to %s", directive->name,
		                       config_quote(text, quote), config_show_time(directive->least, least),
		                       config_show_time(directive->most, most));
	*seconds_r = (uint32_t)seconds;
	return 0;
}

int
config_parse_time(const struct config_directive *directive, struct slice value, void *member,
                  const struct config_report *report)
{
	return config_read_time(directive, value, member, report);
}

/* rate = number "per" time / "off" */
int
config_parse_rate(const struct config_directive *directive, struct slice value, void *member,
                  const struct config_report *report)
{
	struct bucket_rate *rate = member;
	struct slice whole = value;
	struct slice number = slice_word(&value);
	struct slice per = slice_word(&value);
	char quote[CONFIG_QUOTE_SIZE];
	uint64_t count;

	*rate = (struct bucket_rate){ 0 };
	if (slice_equal(whole, SLICE("off")))
		return 0;
	if (slice_to_number(number, RATE_COUNT_MAX, &count) != 0 || count == 0 || !slice_equal(per, SLICE("per")))
		return config_complain(report, "%s: %s is no rate; write a number from 1 to %d, per, and a time, such as "
		                       "1000 per 1h, or off", directive->name, config_quote(whole, quote), RATE_COUNT_MAX);
	rate->count = (uint32_t)count;
	return config_read_time(directive, slice_trim(value), &rate->seconds, report);
}

int
config_parse_size(const struct config_directive *directive, struct slice value, void *member,
                  const struct config_report *report)
{
	char quote[CONFIG_QUOTE_SIZE], least[CONFIG_QUOTE_SIZE], most[CONFIG_QUOTE_SIZE];
	uint64_t bytes;
	int error = read_with_unit(value, size_units, SIZE_UNITS, &bytes);

	if (error == -EINVAL)
		return config_complain(
			report, "%s: %s is no size; write bytes, or a number with k, M or G, such as 64k or 50M",
			directive->name, config_quote(value, quote));
	if (error != 0 || !within(directive, bytes))
		return config_complain(report, "%s: %s is out of range; write %s to %s", directive->name,
		                       config_quote(value, quote), config_show_size(directive->least, least),
		                       config_show_size(directive->most, most));
	if (directive->size == sizeof(uint32_t))
		*(uint32_t *)member = (uint32_t)bytes;
	else
		*(uint64_t *)member = bytes;
	return 0;
}

int
config_parse_word(const struct config_directive *directive, struct slice value, void *member,
                  const struct config_report *report)
{
	char quote[CONFIG_QUOTE_SIZE];
	char choices[CONFIG_ERROR_MAX / 2] = "";

	for (const struct config_word *word = directive->words; word->word != NULL; word++) {
		if (slice_equal(value, slice_from_string(word->word))) {
			*(int *)member = word->number; /* an enumeration is an int to the compilers that we use */
			return 0;
		}
		if (word != directive->words)
			strlcat(choices, word[1].word == NULL ? " or " : ", ", sizeof(choices));
		strlcat(choices, word->word, sizeof(choices));
	}
	return config_complain(report, "%s: %s is not known; write %s", directive->name, config_quote(value, quote),
	                       choices);
}

int
config_parse_separator(const struct config_directive *directive, struct slice value, void *member,
                       const struct config_report *report)
{
	static const char allowed[] = "+-_=~%!.";
	char quote[CONFIG_QUOTE_SIZE];
	char *separator = member;

	if (slice_equal(value, SLICE("off"))) {
		*separator = '\0';
		return 0;
	}
	if (value.length != 1 || strchr(allowed, value.data[0]) == NULL)
		return config_complain(report, "%s: %s cannot separate; write one of %s or off", directive->name,
		                       config_quote(value, quote), allowed);
	*separator = value.data[0];
	return 0;
}

int
config_parse_hostname(const struct config_directive *directive, struct slice value, void *member,
                      const struct config_report *report)
{
	char quote[CONFIG_QUOTE_SIZE];

	if (address_check_domain(value, false, false) != ADDRESS_OK ||
	    slice_to_string(value, member, directive->size) != 0)
		return config_complain(report, "%s: %s is no host name; write a full one, such as mail.example.org",
		                       directive->name, config_quote(value, quote));
	return 0;
}

int
config_parse_account(const struct config_directive *directive, struct slice value, void *member,
                     const struct config_report *report)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	char quote[CONFIG_QUOTE_SIZE];
	bool good = value.length <= directive->most && value.data[0] != '-';

	for (size_t i = 0; i < value.length; i++)
		good = good && value.data[i] != '\0' && strchr(allowed, value.data[i]) != NULL;
	if (!good || slice_to_string(value, member, directive->size) != 0)
		return config_complain(
			report,
			"%s: %s is no account name; write letters, digits, '_', '-' and '.', at most %" PRIu64,
			directive->name, config_quote(value, quote), directive->most);
	return 0;
}

/* True when each part of a path that begins with "/" is a name: not empty, not "." or "..". */
static bool
path_parts_are_names(struct slice path)
{
	while (path.length > 0) {
		struct slice part = slice_from(path, 1);

		part = slice_first(part, slice_find(part, '/'));
		if (part.length == 0 || slice_equal(part, SLICE(".")) || slice_equal(part, SLICE("..")))
			return false;
		path = slice_from(path, 1 + part.length);
	}
	return true;
}

int
config_parse_path(const struct config_directive *directive, struct slice value, void *member,
                  const struct config_report *report)
{
	char quote[CONFIG_QUOTE_SIZE];

	if (value.data[0] != '/')
		return config_complain(report, "%s: %s is a relative path; write one that begins with /",
		                       directive->name, config_quote(value, quote));
	if (value.length > 1 && value.data[value.length - 1] == '/')
		value.length--;
	if (value.length > directive->most)
		return config_complain(report, "%s: the path has %zu bytes; write one of at most %" PRIu64,
		                       directive->name, value.length, directive->most);
	if (slice_find(value, ' ') != value.length || slice_find(value, '\t') != value.length)
		return config_complain(report, "%s: %s holds a blank; write one path without blanks",
		                       directive->name, config_quote(value, quote));
	if (!path_parts_are_names(value) || slice_to_string(value, member, directive->size) != 0)
		return config_complain(
			report, "%s: %s holds an empty part, \".\" or \"..\"; write the plain path",
			directive->name, config_quote(value, quote));
	return 0;
}

int
config_parse_optional_path(const struct config_directive *directive, struct slice value, void *member,
                           const struct config_report *report)
{
	if (!slice_equal(value, SLICE("off")))
		return config_parse_path(directive, value, member, report);
	*(char *)member = '\0';
	return 0;
}

int
config_parse_paths(const struct config_directive *directive, struct slice value, void *member,
                   const struct config_report *report)
{
	struct config_directive path = *directive;
	struct config_paths *paths = member;

	path.size = CONFIG_PATH_MAX;
	paths->count = 0;
	if (slice_equal(value, SLICE("off")))
		return 0;
	for (struct slice word = slice_word(&value); word.length > 0; word = slice_word(&value)) {
		if (paths->count == CONFIG_PATHS_MAX)
			return config_complain(report, "%s: too many; write at most %d", directive->name, CONFIG_PATHS_MAX);
		if (config_parse_path(&path, word, paths->list[paths->count], report) != 0)
			return -EINVAL;
		paths->count++;
	}
	return 0;
}

int
config_parse_address(const struct config_directive *directive, struct slice value, void *member,
                     const struct config_report *report)
{
	char path[CONFIG_NAME_MAX + 2], quote[CONFIG_QUOTE_SIZE];
	struct address address;
	size_t used;
	int length = snprintf(path, sizeof(path), "<%.*s>", (int)(value.length < CONFIG_NAME_MAX ? value.length : 0), value.data);

	if (slice_equal(value, SLICE("off"))) {
		*(char *)member = '\0';
		return 0;
	}
	if (address_parse_path(slice_of(path, (size_t)length), ADDRESS_POSTMASTER, &address, &used) != ADDRESS_OK ||
	    used != (size_t)length || slice_to_string(value, member, directive->size) != 0)
		return config_complain(report, "%s: %s is no address; write one such as admin@example.org, or postmaster, or off",
		                       directive->name, config_quote(value, quote));
	return 0;
}
