/*
 * Fuzzes the address parser: whatever it accepts must be within its limits and parse to the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const struct address *address)
{
	char plain[ADDRESS_MAX + 1], quoted[2 * ADDRESS_MAX + 4];
	struct address again;

	address_format(address, plain);
	address_format_quoted(slice_from_string(plain), quoted, sizeof(quoted));
	if (address_parse_mailbox(slice_from_string(quoted), ADDRESS_UTF8 | ADDRESS_POSTMASTER | ADDRESS_NULL,
	                          &again) != ADDRESS_OK ||
	    strcmp(address->local, again.local) != 0 || strcmp(address->domain, again.domain) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address address;
	struct slice input;
	unsigned options;
	size_t used;

	if (size == 0)
		return 0;
	options = data[0] & (ADDRESS_UTF8 | ADDRESS_POSTMASTER | ADDRESS_NULL);
	input = slice_of(data + 1, size - 1);
	if (address_parse_path(input, options, &address, &used) == ADDRESS_OK) {
		if (used > input.length || used < 2)
			abort();
		check_again(&address);
	}
	if (address_parse_mailbox(input, options, &address) == ADDRESS_OK)
		check_again(&address);
	return 0;
}
