/*
 * Line ends: the same result however the message is cut into pieces. The first byte tells how long these are.
 */
#include <stdlib.h>
#include <string.h>

#include "deliverd/lineends.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
convert(struct slice input, size_t piece, char *out, struct lineends *lineends)
{
	size_t used = 0;

	while (input.length > 0) {
		struct slice first = slice_first(input, piece);

		used += lineends_convert(lineends, first, out + used);
		input = slice_from(input, first.length);
	}
	return used + lineends_finish(lineends, out + used);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lineends once = { 0 };
	struct lineends pieces = { 0 };
	char *a = malloc(size + 1);
	char *b = malloc(size + 1);
	struct slice input = slice_from(slice_of(data, size), 1);
	size_t length;

	if (size == 0 || a == NULL || b == NULL)
		goto out;
	length = convert(input, input.length + 1, a, &once);
	if (convert(input, (size_t)data[0] % 16 + 1, b, &pieces) != length || memcmp(a, b, length) != 0)
		abort();
	if (once.size != length || pieces.size != length || once.wire_size != pieces.wire_size || once.wire_size < length)
		abort();
out:
	free(a);
	free(b);
	return 0;
}
