/*
 * Records of the queue's log and the headers of its segments: encoding, checksum, parsing. Pure functions on memory.
 */
#include "queued/record.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/checksum.h"

/* Offsets in a record's header; see doc/queue.md. */
enum {
	AT_MAGIC = 0,
	AT_CHECKSUM = 4,
	AT_LENGTH = 8,
	AT_TYPE = 12,
	AT_ZERO = 14,
	AT_SALT = 16,
	AT_SEQUENCE = 24,
	AT_ID = 32,
};

/* Offsets in a segment's header. */
enum {
	AT_SEGMENT_MAGIC = 0,
	AT_SEGMENT_VERSION = 8,
	AT_SEGMENT_CHECKSUM = 12,
	AT_SEGMENT_NUMBER = 16,
	AT_SEGMENT_SALT = 24,
	AT_SEGMENT_ID = 32,
	AT_SEGMENT_CREATED = 40,
	SEGMENT_HEADER_USED = 48,
	SEGMENT_VERSION = 2,
};

static const char record_magic[4] = { 'A', 'N', 'G', 'r' };
static const char segment_magic[8] = { 'A', 'N', 'G', 'Q', 'U', 'E', 'U', 'E' };

static uint16_t
get_u16(const char *at)
{
	uint16_t number;

	memcpy(&number, at, sizeof(number));
	return le16toh(number);
}

static void
put_u16(char *at, uint16_t number)
{
	number = htole16(number);
	memcpy(at, &number, sizeof(number));
}

size_t
record_size(size_t length)
{
	return (RECORD_HEADER_SIZE + length + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

struct record *
record_new(enum record_type type, uint64_t id, size_t length)
{
	size_t size = record_size(length);
	struct record *record;

	if (length > RECORD_PAYLOAD_MAX)
		return NULL;
	record = malloc(sizeof(*record) + size);
	if (record == NULL)
		return NULL;
	*record = (struct record){ .references = 1, .size = size };
	memset(record->image, 0, RECORD_HEADER_SIZE);
	memset(record->image + size - RECORD_ALIGN, 0, RECORD_ALIGN);
	memcpy(record->image + AT_MAGIC, record_magic, sizeof(record_magic));
	little_put_u32(record->image + AT_LENGTH, (uint32_t)length);
	put_u16(record->image + AT_TYPE, (uint16_t)type);
	little_put_u64(record->image + AT_ID, id);
	return record;
}

struct record *
record_hold(struct record *record)
{
	record->references++;
	return record;
}

void
record_release(struct record **record)
{
	struct record *old = *record;

	*record = NULL;
	if (old != NULL && --old->references == 0)
		free(old);
}

char *
record_payload(struct record *record)
{
	return record->image + RECORD_HEADER_SIZE;
}

struct slice
record_payload_slice(const struct record *record)
{
	return slice_of(record->image + RECORD_HEADER_SIZE, little_get_u32(record->image + AT_LENGTH));
}

uint64_t
record_id(const struct record *record)
{
	return little_get_u64(record->image + AT_ID);
}

uint16_t
record_type(const struct record *record)
{
	return get_u16(record->image + AT_TYPE);
}

static uint32_t
record_checksum(const char *image, size_t length)
{
	return checksum_crc32c(0, image + AT_LENGTH, RECORD_HEADER_SIZE - AT_LENGTH + length);
}

void
record_seal(struct record *record, uint64_t salt, uint64_t sequence)
{
	little_put_u64(record->image + AT_SALT, salt);
	little_put_u64(record->image + AT_SEQUENCE, sequence);
	little_put_u32(record->image + AT_CHECKSUM, record_checksum(record->image, little_get_u32(record->image + AT_LENGTH)));
}

int
record_parse(struct slice bytes, const uint64_t *salt, struct record_header *header_r, struct slice *payload_r)
{
	const char *at = bytes.data;
	uint32_t length;

	if (bytes.length < RECORD_HEADER_SIZE || memcmp(at, record_magic, sizeof(record_magic)) != 0)
		return -EBADMSG;
	if (salt != NULL && little_get_u64(at + AT_SALT) != *salt)
		return -EBADMSG;
	length = little_get_u32(at + AT_LENGTH);
	if (length > bytes.length - RECORD_HEADER_SIZE || record_size(length) > bytes.length || get_u16(at + AT_ZERO) != 0)
		return -EBADMSG;
	if (little_get_u32(at + AT_CHECKSUM) != record_checksum(at, length))
		return -EBADMSG;
	*header_r = (struct record_header){
		.length = length,
		.type = get_u16(at + AT_TYPE),
		.salt = little_get_u64(at + AT_SALT),
		.sequence = little_get_u64(at + AT_SEQUENCE),
		.id = little_get_u64(at + AT_ID),
	};
	*payload_r = slice_of(at + RECORD_HEADER_SIZE, length);
	return 0;
}

static uint32_t
segment_checksum(const char *header)
{
	char copy[SEGMENT_HEADER_USED];

	memcpy(copy, header, sizeof(copy));
	little_put_u32(copy + AT_SEGMENT_CHECKSUM, 0);
	return checksum_crc32c(0, copy, sizeof(copy));
}

void
segment_header_encode(const struct segment_header *header, char *out)
{
	memset(out, 0, SEGMENT_HEADER_SIZE);
	memcpy(out + AT_SEGMENT_MAGIC, segment_magic, sizeof(segment_magic));
	little_put_u32(out + AT_SEGMENT_VERSION, SEGMENT_VERSION);
	little_put_u64(out + AT_SEGMENT_NUMBER, header->number);
	little_put_u64(out + AT_SEGMENT_SALT, header->salt);
	little_put_u64(out + AT_SEGMENT_ID, header->id);
	little_put_u64(out + AT_SEGMENT_CREATED, (uint64_t)header->created);
	little_put_u32(out + AT_SEGMENT_CHECKSUM, segment_checksum(out));
	memcpy(out + SEGMENT_HEADER_COPY, out, SEGMENT_HEADER_USED);
}

static int
segment_header_parse_copy(struct slice bytes, struct segment_header *header_r)
{
	const char *at = bytes.data;

	if (bytes.length < SEGMENT_HEADER_USED || memcmp(at, segment_magic, sizeof(segment_magic)) != 0)
		return -EBADMSG;
	if (little_get_u32(at + AT_SEGMENT_CHECKSUM) != segment_checksum(at))
		return -EBADMSG;
	if (little_get_u32(at + AT_SEGMENT_VERSION) != SEGMENT_VERSION)
		return -EPROTONOSUPPORT;
	*header_r = (struct segment_header){
		.number = little_get_u64(at + AT_SEGMENT_NUMBER),
		.salt = little_get_u64(at + AT_SEGMENT_SALT),
		.id = little_get_u64(at + AT_SEGMENT_ID),
		.created = (int64_t)little_get_u64(at + AT_SEGMENT_CREATED),
	};
	return 0;
}

int
segment_header_parse(struct slice bytes, struct segment_header *header_r)
{
	int error = segment_header_parse_copy(bytes, header_r);

	if (error != -EBADMSG)
		return error;
	return segment_header_parse_copy(slice_from(bytes, SEGMENT_HEADER_COPY), header_r);
}
