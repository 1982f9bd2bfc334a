/*
 * DNS messages: the records of one type for one name (RFC 1035 4.1, RFC 2181 10.1 for CNAME).
 */
#include "relayd/dns.h"

#include <errno.h>
#include <string.h>

#include "common/base/slice.h"

enum {
	HEADER_SIZE = 12,        /* bytes */
	QUESTION_FIXED_SIZE = 4, /* type and class, behind the name */
	RECORD_FIXED_SIZE = 10,  /* type, class, time to live, length */
	CLASS_IN = 1,
	LABEL_MAX = 63,
	POINTER = 0xc0, /* the two bits that tell a pointer from a length */
};

/* A record of the answer section. */
struct record {
	size_t owner; /* offset of its name */
	unsigned type;
	struct slice data;
};

static unsigned
byte_at(struct slice message, size_t offset)
{
	return (unsigned char)message.data[offset];
}

static unsigned
u16_at(struct slice message, size_t offset)
{
	return byte_at(message, offset) << 8 | byte_at(message, offset + 1);
}

/* Appends a label at OUT[*USED], behind a dot when it is not the first. 0, -EINVAL (other bytes) or -EPROTO (too long). */
static int
append_label(struct slice label, char *out, size_t *used)
{
	size_t at = *used;

	if (at + (at > 0) + label.length > DNS_NAME_MAX)
		return -EPROTO;
	if (at > 0)
		out[at++] = '.';
	for (size_t i = 0; i < label.length; i++) {
		char byte = dns_name_byte((unsigned char)label.data[i]);

		if (byte == '\0')
			return -EINVAL;
		out[at++] = byte;
	}
	*used = at;
	return 0;
}

/* A pointer leads only to what stands before it, so that there is an end (RFC 1035 4.1.4: "a prior occurrence"). */
int
dns_name_parse(struct slice message, size_t offset, char *out, size_t *end_r)
{
	size_t used = 0, limit = message.length;
	bool jumped = false;
	int error = 0;

	out[0] = '\0';
	for (;;) {
		size_t length;

		if (offset >= limit)
			return -EPROTO;
		length = byte_at(message, offset);
		if ((length & POINTER) == POINTER) {
			if (offset + 2 > limit)
				return -EPROTO;
			if (!jumped)
				*end_r = offset + 2;
			jumped = true;
			limit = offset;
			offset = u16_at(message, offset) & 0x3fff;
			continue;
		}
		if (length > LABEL_MAX || length >= limit - offset)
			return -EPROTO;
		offset += length + 1;
		if (length == 0)
			break;
		if (error == 0)
			error = append_label(slice_of(message.data + offset - length, length), out, &used);
		if (error == -EPROTO)
			break;
	}
	if (!jumped)
		*end_r = offset;
	out[error == 0 ? used : 0] = '\0';
	return error;
}

/* Where the name at OFFSET ends, without looking at what it is. 0 or -EPROTO. */
static int
skip_name(struct slice message, size_t *offset)
{
	for (;;) {
		size_t length;

		if (*offset >= message.length)
			return -EPROTO;
		length = byte_at(message, *offset);
		if ((length & POINTER) == POINTER) {
			*offset += 2;
			return *offset <= message.length ? 0 : -EPROTO;
		}
		if (length > LABEL_MAX)
			return -EPROTO;
		*offset += length + 1;
		if (length == 0)
			return 0;
	}
}

/* Takes the record at *OFFSET and goes behind it. 1: taken; 0: of no class of ours; -EPROTO. */
static int
take_record(struct slice message, size_t *offset, struct record *record_r)
{
	size_t fixed = *offset, length;

	record_r->owner = *offset;
	if (skip_name(message, &fixed) != 0 || message.length - fixed < RECORD_FIXED_SIZE)
		return -EPROTO;
	length = u16_at(message, fixed + 8);
	if (length > message.length - fixed - RECORD_FIXED_SIZE)
		return -EPROTO;
	record_r->type = u16_at(message, fixed);
	record_r->data = slice_of(message.data + fixed + RECORD_FIXED_SIZE, length);
	*offset = fixed + RECORD_FIXED_SIZE + length;
	return u16_at(message, fixed + 2) == CLASS_IN;
}

/* Fills RECORDS with those of the answer section: their count or -EPROTO. */
static int
take_records(struct slice message, struct record *records)
{
	size_t offset = HEADER_SIZE;
	unsigned questions, answers;
	int count = 0;

	if (message.length < HEADER_SIZE)
		return -EPROTO;
	questions = u16_at(message, 4);
	answers = u16_at(message, 6);
	for (unsigned i = 0; i < questions; i++) {
		if (skip_name(message, &offset) != 0 || message.length - offset < QUESTION_FIXED_SIZE)
			return -EPROTO;
		offset += QUESTION_FIXED_SIZE;
	}
	for (unsigned i = 0; i < answers && count < DNS_RECORDS_MAX; i++) {
		int taken = take_record(message, &offset, &records[count]);

		if (taken < 0)
			return -EPROTO;
		count += taken;
	}
	return count;
}

static bool
owned_by(struct slice message, const struct record *record, const char *name)
{
	char owner[DNS_NAME_SIZE];
	size_t end;

	return dns_name_parse(message, record->owner, owner, &end) == 0 && strcmp(owner, name) == 0;
}

/* Replaces answer->name by what it is an alias of. False when it is none. */
static bool
follow_alias(struct slice message, const struct record *records, int count, struct dns_answer *answer)
{
	for (int i = 0; i < count; i++) {
		size_t end;

		if (records[i].type != DNS_CNAME || !owned_by(message, &records[i], answer->name))
			continue;
		/* A target that is no host name, or broken, leaves "": nothing is found under it. */
		if (dns_name_parse(message, (size_t)(records[i].data.data - message.data), answer->name, &end) != 0)
			answer->name[0] = '\0';
		answer->alias = true;
		return answer->name[0] != '\0';
	}
	return false;
}

int
dns_answer_parse(struct slice message, const char *name, enum dns_type type, struct dns_answer *answer_r)
{
	struct record records[DNS_RECORDS_MAX];
	int count = take_records(message, records);

	answer_r->count = 0;
	answer_r->alias = false;
	if (strlcpy(answer_r->name, name, sizeof(answer_r->name)) >= sizeof(answer_r->name) || count < 0)
		return -EPROTO;
	for (int i = 0; type != DNS_CNAME && follow_alias(message, records, count, answer_r); i++)
		if (i == DNS_ALIASES_MAX)
			return -EPROTO;
	if (answer_r->alias && answer_r->name[0] == '\0')
		return 0;
	for (int i = 0; i < count; i++)
		if (records[i].type == (unsigned)type && owned_by(message, &records[i], answer_r->name))
			answer_r->data[answer_r->count++] = records[i].data;
	return 0;
}

int
dns_mx_parse(struct slice message, struct slice data, uint16_t *preference_r, char *exchange)
{
	size_t offset = (size_t)(data.data - message.data);
	size_t end;
	int error;

	exchange[0] = '\0';
	if (data.length < 3)
		return -EPROTO;
	*preference_r = (uint16_t)u16_at(message, offset);
	error = dns_name_parse(message, offset + 2, exchange, &end);
	return error == 0 && end != offset + data.length ? -EPROTO : error;
}
