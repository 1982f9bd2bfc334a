/*
 * TLSA records: which of them SMTP can use.
 */
#include "relayd/tlsa.h"

enum {
	USAGE_TRUST_ANCHOR = 2, /* DANE-TA (RFC 7218 2.1) */
	USAGE_END_ENTITY = 3,   /* DANE-EE */
	SELECTOR_CERTIFICATE = 0,
	SELECTOR_KEY = 1,
	MATCHING_FULL = 0,
	MATCHING_SHA256 = 1,
	MATCHING_SHA512 = 2,
	FIXED_SIZE = 3, /* usage, selector and matching type */
};

static bool
length_matches(unsigned matching_type, size_t length)
{
	switch (matching_type) {
	case MATCHING_FULL:
		return length > 0 && length <= RESOLVE_TLSA_DATA_MAX;
	case MATCHING_SHA256:
		return length == 32;
	case MATCHING_SHA512:
		return length == 64;
	default:
		return false;
	}
}

static bool
is_usable(struct slice record)
{
	const unsigned char *field = (const unsigned char *)record.data;

	if (record.length < FIXED_SIZE)
		return false;
	if (field[0] != USAGE_TRUST_ANCHOR && field[0] != USAGE_END_ENTITY)
		return false;
	if (field[1] != SELECTOR_CERTIFICATE && field[1] != SELECTOR_KEY)
		return false;
	return length_matches(field[2], record.length - FIXED_SIZE);
}

void
tlsa_fill(const struct dns_answer *answer, struct tlsa_set *set)
{
	buffer_init(&set->data, TLSA_MEMORY_MAX);
	set->count = 0;
	set->kind = answer->count == 0 ? RESOLVE_TLSA_NONE : RESOLVE_TLSA_UNUSABLE;
	for (size_t i = 0; i < answer->count && set->count < RESOLVE_TLSA_MAX; i++) {
		if (!is_usable(answer->data[i]))
			continue;
		/* Without memory, or with too many for us, what was kept has to do; nothing kept is a lookup that failed. */
		if (buffer_append_slice(&set->data, answer->data[i]) != 0) {
			set->kind = set->count == 0 ? RESOLVE_TLSA_FAILED : RESOLVE_TLSA_USABLE;
			return;
		}
		set->kind = RESOLVE_TLSA_USABLE;
		set->lengths[set->count++] = (uint16_t)answer->data[i].length; /* at most 65535 in DNS */
	}
}

void
tlsa_put(const struct tlsa_set *set, struct wire_writer *writer)
{
	struct slice data = buffer_slice(&set->data);

	wire_put_u32(writer, set->count);
	for (uint32_t i = 0; i < set->count; i++) {
		struct slice record = slice_first(data, set->lengths[i]);

		for (size_t field = 0; field < FIXED_SIZE; field++)
			wire_put_u8(writer, (uint8_t)record.data[field]);
		wire_put_slice(writer, slice_from(record, FIXED_SIZE));
		data = slice_from(data, record.length);
	}
}

void
tlsa_free(struct tlsa_set *set)
{
	buffer_free(&set->data);
}
