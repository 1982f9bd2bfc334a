/*
 * The PROXY protocol's header: whatever comes, the parser asks for no byte beyond its bound, and what it took whole it takes in pieces too.
 */
#include <stdlib.h>

#include "common/io/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	struct proxy_header header;
	struct proxy_header part;
	int result = proxy_parse(input, &header);
	size_t used = 0;
	int missing;

	if (result > 0 && size + (size_t)result > PROXY_MAX)
		abort();
	if (result == 0 && (header.size > size || (!header.local && header.length == 0)))
		abort();
	/* As proxy_wait.c reads it. */
	while ((missing = proxy_parse(slice_first(input, used), &part)) > 0 && used + (size_t)missing <= size)
		used += (size_t)missing;
	if (missing <= 0 && missing != result)
		abort();
	if (missing == 0 && part.size != used)
		abort();
	return 0;
}
