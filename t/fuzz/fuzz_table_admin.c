/*
 * Fuzzes what tabled reads from dbtool: calls, the records in them, and names.
 */
#include <stdlib.h>
#include <string.h>

#include "tabled/admin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record that can be read is written back to the same bytes. */
static void
check_record(struct slice value)
{
	struct record_domain domain;
	struct record_user user;
	struct record_alias alias;
	struct buffer out;

	buffer_init(&out, 1 << 20);
	if (record_domain_decode(value, &domain) &&
	    (record_domain_encode(&domain, &out) != 0 || !slice_equal(buffer_slice(&out), value)))
		abort();
	buffer_clear(&out);
	if (record_user_decode(value, &user) &&
	    (record_user_encode(&user, &out) != 0 || !slice_equal(buffer_slice(&out), value)))
		abort();
	buffer_clear(&out);
	if (record_alias_decode(value, &alias)) {
		struct slice item;
		uint32_t count = alias.targets.count;

		if (record_alias_encode(&alias, &out) != 0 || !slice_equal(buffer_slice(&out), value))
			abort();
		while (record_list_next(&alias.targets, &item))
			count--;
		if (count != 0)
			abort();
	}
	buffer_free(&out);
}

static void
check_name(struct slice text)
{
	char address[TABLE_ADDRESS_MAX + 2];
	struct name name, again;

	if (!name_check(text, NAME_CATCH_ALL | NAME_POSTMASTER, &name))
		return;
	name_address(&name, address);
	if (!name_parse(slice_from_string(address), &again) ||
	    !slice_equal(name_key(&name), name_key(&again)))
		abort();
	if (!name_from_key(name_key(&name), &again) || !slice_equal(name_key(&name), name_key(&again)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	struct wire_reader reader = wire_read(input);
	struct admin_record record;
	struct admin_reply reply;
	struct admin_call call;

	if (admin_call_get(&reader, &call)) {
		check_name(call.name);
		check_record(call.record);
	}
	reader = wire_read(input);
	if (admin_record_get(&reader, &record))
		check_record(record.record);
	reader = wire_read(input);
	(void)admin_reply_get(&reader, &reply);
	check_record(input);
	check_name(input);
	return 0;
}
