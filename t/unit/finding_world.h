/*
 * For the tests of relayd/finding.h: a DNS that the test plays.
 */
#ifndef ANGARIUM_TEST_FINDING_WORLD_H
#define ANGARIUM_TEST_FINDING_WORLD_H

#include <errno.h>
#include <stdio.h>

#include "relayd/finding.h"
#include "relayd/resolve.h"
#include "t/unit/dns_message.h"

enum { LOOKUPS_MAX = 128 };

/* The lookups that were asked for and not answered yet. */
static struct {
	char name[DNS_NAME_SIZE];
	enum dns_type type;
	unsigned slot;
	bool waiting;
} lookups[LOOKUPS_MAX];
static unsigned lookup_count;
static struct finding *finding;
static struct dns_message message;

static inline int
on_lookup(void *context, const char *name, enum dns_type type, unsigned slot)
{
	ck_assert_ptr_eq(context, lookups);
	ck_assert_uint_lt(lookup_count, LOOKUPS_MAX);
	strlcpy(lookups[lookup_count].name, name, sizeof(lookups[0].name));
	lookups[lookup_count].type = type;
	lookups[lookup_count].slot = slot;
	lookups[lookup_count++].waiting = true;
	return 0;
}

static inline uint32_t
no_chance(void)
{
	static uint32_t counter;

	return counter++;
}

static const struct finding_callbacks callbacks = { .lookup = on_lookup, .random = no_chance };

static inline void
begin(struct finding_question question)
{
	lookup_count = 0;
	finding = finding_new(&question, "Mail.Own.example", &callbacks, lookups);
	ck_assert_ptr_nonnull(finding);
	finding_begin(finding);
}

static inline void
begin_mx(const char *name)
{
	struct finding_question question = { .how = RESOLVE_MX, .port = 25, .dane = true };

	strlcpy(question.name, name, sizeof(question.name));
	begin(question);
}

static inline bool
is_asked(const char *name, enum dns_type type)
{
	for (unsigned i = 0; i < lookup_count; i++)
		if (lookups[i].waiting && lookups[i].type == type && strcmp(lookups[i].name, name) == 0)
			return true;
	return false;
}

static inline void
say(const char *name, enum dns_type type, struct finding_result result)
{
	for (unsigned i = 0; i < lookup_count; i++)
		if (lookups[i].waiting && lookups[i].type == type && strcmp(lookups[i].name, name) == 0) {
			lookups[i].waiting = false;
			finding_result(finding, lookups[i].slot, &result);
			return;
		}
	ck_abort_msg("%s %d was not asked for", name, type);
}

/* What was put into MESSAGE. */
static inline void
say_message(const char *name, enum dns_type type, bool secure)
{
	say(name, type, (struct finding_result){ .secure = secure, .message = dns_slice(&message) });
}

static inline void
say_nothing(const char *name, enum dns_type type)
{
	dns_begin(&message, name, type);
	say_message(name, type, true);
}

static inline void
say_missing(const char *name, enum dns_type type)
{
	say(name, type, (struct finding_result){ .rcode = DNS_NXDOMAIN, .secure = true });
}

static inline void
say_failed(const char *name, enum dns_type type)
{
	say(name, type, (struct finding_result){ .failed = true });
}

/* An address that ends in LAST, and none of the other family. */
static inline void
say_address(const char *name, unsigned last, bool secure)
{
	unsigned char address[4] = { 192, 0, 2, (unsigned char)last };

	dns_begin(&message, name, DNS_A);
	dns_put_record(&message, name, DNS_A, address, sizeof(address));
	say_message(name, DNS_A, secure);
	dns_begin(&message, name, DNS_AAAA);
	say_message(name, DNS_AAAA, secure);
}

/* The same behind an alias. */
static inline void
say_alias_address(const char *name, const char *target, bool secure)
{
	dns_begin(&message, name, DNS_A);
	dns_put_cname(&message, name, target);
	dns_put_record(&message, target, DNS_A, "\300\0\2\1", 4);
	say_message(name, DNS_A, secure);
	dns_begin(&message, name, DNS_AAAA);
	dns_put_cname(&message, name, target);
	say_message(name, DNS_AAAA, secure);
}

static inline void
say_tlsa(const char *name, bool secure)
{
	static const unsigned char record[35] = { 3, 1, 1, 0xaa };

	dns_begin(&message, name, DNS_TLSA);
	dns_put_record(&message, name, DNS_TLSA, record, sizeof(record));
	say_message(name, DNS_TLSA, secure);
}

/* MX records with preferences 10, 20, ... */
static inline void
say_mx(const char *name, const char *const *hosts)
{
	dns_begin(&message, name, DNS_MX);
	for (unsigned preference = 10; *hosts != NULL; hosts++, preference += 10)
		dns_put_mx(&message, name, preference, *hosts);
	say_message(name, DNS_MX, true);
}

#define SAY_MX(name, ...) say_mx((name), (const char *const[]){ __VA_ARGS__, NULL })

/* The answer as a worker gets it; ends the finding. */
static inline struct resolve_answer *
end(void)
{
	struct resolve_answer *answer = NULL;
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer buffer;

	buffer_init(&buffer, RESOLVE_FRAME_MAX);
	writer = wire_begin_bare(&buffer);
	finding_put_answer(finding, &writer);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	reader = wire_read(buffer_slice(&buffer));
	ck_assert_int_eq(resolve_answer_parse(&reader, &answer), 0);
	ck_assert(wire_done(&reader));
	buffer_free(&buffer);
	finding_free(&finding);
	return answer;
}

static inline void
assert_end(enum resolve_result result, const char *text)
{
	struct resolve_answer *answer;

	ck_assert(finding_is_done(finding));
	answer = end();
	ck_assert_int_eq(answer->result, result);
	ck_assert_msg(strstr(answer->text, text) != NULL, "\"%s\" is not in \"%s\"", text, answer->text);
	ck_assert_uint_eq(answer->host_count, 0);
	resolve_answer_free(&answer);
}

#endif
