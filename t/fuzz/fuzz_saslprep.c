/*
 * Fuzzes SASLprep: what is prepared is valid and has room, also when it is prepared again.
 */
#include <stdlib.h>

#include "common/base/utf8.h"
#include "tabled/saslprep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char memory[1025], again[1025];
	struct slice text = slice_of(data, size);
	struct slice prepared = saslprep(text, memory, sizeof(memory));

	if (prepared.data == text.data)
		return 0;
	if (prepared.length == 0 || prepared.length >= sizeof(memory) || !utf8_valid(prepared))
		abort();
	(void)saslprep(prepared, again, sizeof(again));
	return 0;
}
