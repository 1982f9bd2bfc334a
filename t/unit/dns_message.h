/*
 * DNS messages for tests: written record by record, names in full or as the test wants them.
 */
#ifndef ANGARIUM_T_UNIT_DNS_MESSAGE_H
#define ANGARIUM_T_UNIT_DNS_MESSAGE_H

#include <string.h>

#include "relayd/dns.h"
#include "t/unit/unit.h"

enum { DNS_MESSAGE_MAX = 65535 };

struct dns_message {
	unsigned char bytes[DNS_MESSAGE_MAX];
	size_t length;
	unsigned answers;
};

static inline void
dns_put(struct dns_message *message, const void *data, size_t length)
{
	ck_assert_uint_le(length, sizeof(message->bytes) - message->length);
	memcpy(message->bytes + message->length, data, length);
	message->length += length;
}

static inline void
dns_put_u16(struct dns_message *message, unsigned number)
{
	dns_put(message, (unsigned char[]){ (unsigned char)(number >> 8), (unsigned char)number }, 2);
}

static inline void
dns_put_name(struct dns_message *message, const char *name)
{
	while (*name != '\0') {
		size_t length = strcspn(name, ".");

		dns_put(message, &(unsigned char){ (unsigned char)length }, 1);
		dns_put(message, name, length);
		name += length + (name[length] == '.');
	}
	dns_put(message, "", 1);
}

/* The header, and one question. */
static inline void
dns_begin(struct dns_message *message, const char *name, enum dns_type type)
{
	static const unsigned char header[12] = { 0, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0 };

	message->length = 0;
	message->answers = 0;
	dns_put(message, header, sizeof(header));
	dns_put_name(message, name);
	dns_put_u16(message, type);
	dns_put_u16(message, 1);
}

/* A record's beginning, whose data follows; its owner is written before. */
static inline void
dns_put_fixed(struct dns_message *message, enum dns_type type, size_t length)
{
	dns_put_u16(message, type);
	dns_put_u16(message, 1);
	dns_put_u16(message, 0);
	dns_put_u16(message, 60);
	dns_put_u16(message, (unsigned)length);
	message->answers++;
	message->bytes[6] = (unsigned char)(message->answers >> 8);
	message->bytes[7] = (unsigned char)message->answers;
}

static inline void
dns_put_record(struct dns_message *message, const char *owner, enum dns_type type, const void *data, size_t length)
{
	dns_put_name(message, owner);
	dns_put_fixed(message, type, length);
	dns_put(message, data, length);
}

static inline size_t
dns_name_length(const char *name)
{
	return name[0] == '\0' ? 1 : strlen(name) + 2;
}

static inline void
dns_put_mx(struct dns_message *message, const char *owner, unsigned preference, const char *exchange)
{
	dns_put_name(message, owner);
	dns_put_fixed(message, DNS_MX, 2 + dns_name_length(exchange));
	dns_put_u16(message, preference);
	dns_put_name(message, exchange);
}

static inline void
dns_put_cname(struct dns_message *message, const char *owner, const char *target)
{
	dns_put_name(message, owner);
	dns_put_fixed(message, DNS_CNAME, dns_name_length(target));
	dns_put_name(message, target);
}

static inline struct slice
dns_slice(const struct dns_message *message)
{
	return slice_of(message->bytes, message->length);
}

#endif
