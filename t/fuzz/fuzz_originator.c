/*
 * Fuzzes the addresses of From: fields: what is found is an address, and the search comes to its end.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/mail/address.h"
#include "common/mail/originator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data, size), local, domain;
	char address[ADDRESS_MAX + 1];
	size_t before = rest.length;

	while (originator_next(&rest, address) == 1) {
		if (rest.length >= before || !address_split(slice_from_string(address), &local, &domain))
			abort();
		before = rest.length;
	}
	return 0;
}
