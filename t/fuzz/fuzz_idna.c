/*
 * Fuzzes IDNA: what is converted is a domain in ASCII, which converts to itself.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mail/idna.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char ascii[ADDRESS_DOMAIN_MAX + 1], again[ADDRESS_DOMAIN_MAX + 1];

	if (idna_to_ascii(slice_of(data, size), ascii) != 0)
		return 0;
	if (address_check_domain(slice_from_string(ascii), true, false) != ADDRESS_OK)
		abort();
	if (idna_to_ascii(slice_from_string(ascii), again) != 0 || strcmp(ascii, again) != 0)
		abort();
	return 0;
}
