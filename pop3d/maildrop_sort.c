/*
 * The order of messages in a maildrop: by the time in their names, then by name.
 *
 * A directory gives its names in no order. Times are numbers, so 10,000 messages are sorted by their digits in
 * base 256 in a fraction of the time that comparing names takes; names are compared only between equal times.
 */
#include "pop3d/maildrop_index.h"

#include <errno.h>
#include <stdlib.h>

enum {
	DIGITS = 8, /* of a 64-bit number in base 256 */
	VALUES = 256,
};

static const uint64_t SECONDS_MAX = UINT64_C(1000000000000); /* far beyond any date; in microseconds it still fits 64 bits */

static size_t
digits_of(struct slice s)
{
	size_t length = 0;

	while (length < s.length && s.data[length] >= '0' && s.data[length] <= '9')
		length++;
	return length;
}

uint64_t
maildrop_arrival(struct slice name)
{
	size_t length = digits_of(name);
	struct slice rest = slice_from(name, length);
	uint64_t seconds;
	uint64_t microseconds;

	if (rest.length == 0 || rest.data[0] != '.')
		return 0;
	if (slice_to_number(slice_first(name, length), SECONDS_MAX, &seconds) != 0)
		return 0;
	rest = slice_from(rest, 1);
	if (rest.length > 0 && rest.data[0] == 'M') {
		rest = slice_from(rest, 1);
		if (slice_to_number(slice_first(rest, digits_of(rest)), 999999, &microseconds) == 0)
			return seconds * 1000000 + microseconds;
	}
	return seconds * 1000000;
}

static int
compare_bytes(struct slice a, struct slice b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;
	int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

	return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

int
maildrop_compare(const struct maildrop *maildrop, const struct maildrop_message *message, uint64_t arrival,
                 struct slice base)
{
	if (message->arrival != arrival)
		return message->arrival < arrival ? -1 : 1;
	return compare_bytes(maildrop_base_name(maildrop, message), base);
}

static int
compare_names(const void *a, const void *b, void *context)
{
	const struct maildrop *maildrop = context;

	return compare_bytes(maildrop_base_name(maildrop, a), maildrop_base_name(maildrop, b));
}

/* Counts how often each value of each digit occurs. True when the messages are in order already. */
static bool
count_digits(const struct maildrop *maildrop, uint32_t counts[DIGITS][VALUES])
{
	bool sorted = true;
	uint64_t previous = 0;

	memset(counts, 0, sizeof(uint32_t) * DIGITS * VALUES);
	for (uint32_t i = 0; i < maildrop->count; i++) {
		uint64_t key = maildrop->messages[i].arrival;

		sorted = sorted && key >= previous;
		previous = key;
		for (size_t digit = 0; digit < DIGITS; digit++)
			counts[digit][(key >> (8 * digit)) & 0xFF]++;
	}
	return sorted;
}

/* Moves the messages from FROM to TO in the order of one digit, those with equal ones as they stood. */
static void
sort_digit(const struct maildrop_message *from, struct maildrop_message *to, uint32_t count, size_t digit,
           uint32_t *counts)
{
	uint32_t next = 0;

	for (size_t value = 0; value < VALUES; value++) {
		uint32_t number = counts[value];

		counts[value] = next;
		next += number;
	}
	for (uint32_t i = 0; i < count; i++)
		to[counts[(from[i].arrival >> (8 * digit)) & 0xFF]++] = from[i];
}

static int
sort_by_arrival(struct maildrop *maildrop)
{
	uint32_t counts[DIGITS][VALUES];
	struct maildrop_message *other;
	struct maildrop_message *from = maildrop->messages;
	struct maildrop_message *to;

	if (maildrop->count < 2 || count_digits(maildrop, counts))
		return 0;
	other = reallocarray(NULL, maildrop->count, sizeof(*other));
	if (other == NULL)
		return -ENOMEM;
	to = other;
	for (size_t digit = 0; digit < DIGITS; digit++) {
		struct maildrop_message *swap = from;

		if (counts[digit][(from[0].arrival >> (8 * digit)) & 0xFF] == maildrop->count)
			continue; /* the same in all */
		sort_digit(from, to, maildrop->count, digit, counts[digit]);
		from = to;
		to = swap;
	}
	if (from == other) {
		maildrop->messages = other;
		maildrop->size = maildrop->count;
		other = to;
	}
	free(other);
	return 0;
}

int
maildrop_sort(struct maildrop *maildrop)
{
	struct maildrop_message *messages;
	uint32_t begin = 0;
	int error = sort_by_arrival(maildrop);

	if (error != 0)
		return error;
	messages = maildrop->messages;
	while (begin < maildrop->count) {
		uint32_t end = begin + 1;

		while (end < maildrop->count && messages[end].arrival == messages[begin].arrival)
			end++;
		if (end - begin > 1)
			qsort_r(messages + begin, end - begin, sizeof(*messages), compare_names, maildrop);
		begin = end;
	}
	return 0;
}
