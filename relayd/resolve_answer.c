/*
 * RESOLVE_ANSWER (proto_resolve.h) from its fields: once through to count and check, then into one block of memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/resolve.h"

/* How much there is in an answer. */
struct sums {
	size_t hosts;
	size_t addresses;
	size_t records;
	size_t data; /* bytes of all records */
};

/* Where the next of each goes. */
struct places {
	struct resolve_host *host;
	struct resolve_address *address;
	struct resolve_tlsa_record *record;
	char *data;
};

static bool
length_is_address(size_t length)
{
	return length == 4 || length == 16;
}

/* A number from LEAST to MOST; false when it is another. */
static bool
get_count(struct wire_reader *reader, size_t least, size_t most, size_t *count_r)
{
	*count_r = wire_get_u32(reader);
	return !reader->bad && *count_r >= least && *count_r <= most;
}

/* ---- once through ---- */

static bool
sum_records(struct wire_reader *reader, struct sums *sums)
{
	enum resolve_tlsa tlsa = wire_get_u8(reader);
	char base[RESOLVE_TEXT_MAX];
	size_t count;

	wire_get_string(reader, base, sizeof(base));
	if (tlsa > RESOLVE_TLSA_FAILED || !get_count(reader, tlsa == RESOLVE_TLSA_USABLE, tlsa == RESOLVE_TLSA_USABLE ? RESOLVE_TLSA_MAX : 0, &count))
		return false;
	sums->records += count;
	while (count-- > 0) {
		struct slice data;

		(void)wire_get_u8(reader);
		(void)wire_get_u8(reader);
		(void)wire_get_u8(reader);
		data = wire_get_slice(reader);
		if (reader->bad || data.length == 0 || data.length > RESOLVE_TLSA_DATA_MAX)
			return false;
		sums->data += data.length;
	}
	return true;
}

static bool
sum_host(struct wire_reader *reader, struct sums *sums)
{
	char name[RESOLVE_TEXT_MAX];
	size_t count;

	wire_get_string(reader, name, sizeof(name));
	if (wire_get_u32(reader) > UINT16_MAX || wire_get_u8(reader) > 1 || !get_count(reader, 1, RESOLVE_ADDRESSES_MAX, &count))
		return false;
	sums->addresses += count;
	while (count-- > 0)
		if (!length_is_address(wire_get_slice(reader).length))
			return false;
	return sum_records(reader, sums);
}

/* READER is a copy: the caller's stays at the beginning. */
static bool
sum_answer(struct wire_reader reader, struct sums *sums)
{
	enum resolve_result result = wire_get_u8(&reader);
	char text[RESOLVE_TEXT_MAX];
	size_t count;

	*sums = (struct sums){ 0 };
	wire_get_string(&reader, text, sizeof(text));
	if (result > RESOLVE_LOOP || wire_get_u8(&reader) > 1)
		return false;
	wire_get_string(&reader, text, sizeof(text));
	if (!get_count(&reader, result == RESOLVE_OK, result == RESOLVE_OK ? RESOLVE_HOSTS_MAX : 0, &count))
		return false;
	sums->hosts = count;
	while (count-- > 0)
		if (!sum_host(&reader, sums))
			return false;
	return wire_done(&reader);
}

/* ---- into memory; all is known to be right ---- */

static void
fill_records(struct wire_reader *reader, struct resolve_host *host, struct places *places)
{
	host->tlsa = wire_get_u8(reader);
	wire_get_string(reader, host->tlsa_base, sizeof(host->tlsa_base));
	host->record_count = wire_get_u32(reader);
	host->records = places->record;
	for (size_t i = 0; i < host->record_count; i++) {
		struct resolve_tlsa_record *record = places->record++;
		struct slice data;

		record->usage = wire_get_u8(reader);
		record->selector = wire_get_u8(reader);
		record->matching_type = wire_get_u8(reader);
		data = wire_get_slice(reader);
		memcpy(places->data, data.data, data.length);
		record->data = slice_of(places->data, data.length);
		places->data += data.length;
	}
}

static void
fill_host(struct wire_reader *reader, struct places *places)
{
	struct resolve_host *host = places->host++;

	wire_get_string(reader, host->name, sizeof(host->name));
	host->preference = (uint16_t)wire_get_u32(reader);
	host->secure = wire_get_u8(reader) == 1;
	host->address_count = wire_get_u32(reader);
	host->addresses = places->address;
	for (size_t i = 0; i < host->address_count; i++) {
		struct slice bytes = wire_get_slice(reader);

		places->address->length = bytes.length;
		memcpy(places->address->bytes, bytes.data, bytes.length);
		places->address++;
	}
	fill_records(reader, host, places);
}

static void
fill_answer(struct wire_reader *reader, struct resolve_answer *answer, struct places *places)
{
	answer->result = wire_get_u8(reader);
	wire_get_string(reader, answer->text, sizeof(answer->text));
	answer->secure = wire_get_u8(reader) == 1;
	wire_get_string(reader, answer->canonical, sizeof(answer->canonical));
	answer->host_count = wire_get_u32(reader);
	answer->hosts = places->host;
	for (size_t i = 0; i < answer->host_count; i++)
		fill_host(reader, places);
}

int
resolve_answer_parse(struct wire_reader *body, struct resolve_answer **answer_r)
{
	struct sums sums;
	struct places places;
	struct resolve_answer *answer;

	*answer_r = NULL;
	if (!sum_answer(*body, &sums))
		return -EPROTO;
	/* In the order of their alignment; the numbers are bounded by proto_resolve.h. */
	answer = calloc(1, sizeof(*answer) + sums.hosts * sizeof(struct resolve_host) + sums.records * sizeof(struct resolve_tlsa_record) +
	                       sums.addresses * sizeof(struct resolve_address) + sums.data);
	if (answer == NULL)
		return -ENOMEM;
	places.host = (struct resolve_host *)(void *)(answer + 1);
	places.record = (struct resolve_tlsa_record *)(void *)(places.host + sums.hosts);
	places.address = (struct resolve_address *)(void *)(places.record + sums.records);
	places.data = (char *)(places.address + sums.addresses);
	fill_answer(body, answer, &places);
	*answer_r = answer;
	return 0;
}

void
resolve_answer_free(struct resolve_answer **answer)
{
	free(*answer);
	*answer = NULL;
}
