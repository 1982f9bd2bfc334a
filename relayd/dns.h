/*
 * DNS answers in wire format (RFC 1035 4), as far as finding mail hosts needs them. What a name server sent is hostile: pure functions on a
 * message, that read within it and in bounded time.
 */
#ifndef ANGARIUM_RELAYD_DNS_H
#define ANGARIUM_RELAYD_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"

enum {
	DNS_NAME_MAX = 253,    /* bytes of a name as text (RFC 1035 2.3.4: 255 on the wire) */
	DNS_NAME_SIZE = 256,   /* of one in memory, with its NUL */
	DNS_RECORDS_MAX = 256, /* of an answer; the rest is not looked at */
	DNS_ALIASES_MAX = 12,  /* CNAMEs in a row */
};

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_MX = 15, DNS_AAAA = 28, DNS_TLSA = 52 };
enum dns_rcode { DNS_NOERROR = 0, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3 };

struct dns_answer {
	char name[DNS_NAME_SIZE]; /* whose records these are: the name asked for after its CNAMEs; "" when a CNAME cannot be followed */
	bool alias;               /* that is another name than the one asked for */
	size_t count;
	struct slice data[DNS_RECORDS_MAX]; /* of the records; into the message */
};

/*
 * A name as the resolver writes it: lower case, without the dot at its end; "" is the root. Labels are of letters, digits, "-" and "_" (hosts are no
 * others; RFC 1123 2.1), in UTF-8 they are made A-labels (common/mail/idna.h). OUT has DNS_NAME_SIZE bytes. 0, -EINVAL or -ENOMEM; OUT is then "".
 */
int dns_name_from_text(struct slice text, char *out);

/* The byte as it stands in such a name, or '\0' when it does not. */
static inline char
dns_name_byte(unsigned char byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte - 'A' + 'a');
	if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_')
		return (char)byte;
	return '\0';
}

/*
 * Takes the records of TYPE that MESSAGE has for NAME (as dns_name_from_text wrote it), following CNAMEs within it. 0, or -EPROTO when the message is
 * malformed. No record is no error.
 */
int dns_answer_parse(struct slice message, const char *name, enum dns_type type, struct dns_answer *answer_r);

/*
 * The name at OFFSET of the message (RFC 1035 4.1.4), as above, in OUT (DNS_NAME_SIZE bytes). *end_r is where what follows it begins. 0, -EPROTO, or -EINVAL
 * when it is well-formed but has other characters; OUT is then "".
 */
int dns_name_parse(struct slice message, size_t offset, char *out, size_t *end_r);

/* An MX record (RFC 1035 3.3.9). DATA lies in MESSAGE. EXCHANGE has DNS_NAME_SIZE bytes. 0, -EPROTO, or -EINVAL as above. */
int dns_mx_parse(struct slice message, struct slice data, uint16_t *preference_r, char *exchange);

#endif
