/*
 * Fuzzes the reader of header sections: fields must follow each other without gaps, inside the section.
 */
#include <stdlib.h>

#include "common/mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice message = slice_of(data, size);
	struct header_reader reader = header_read(message);
	struct header_field field;
	size_t position = 0;
	size_t count = 0;

	for (; header_next(&reader, &field); count++) {
		if (field.whole.data != message.data + position || field.name.length == 0 ||
		    field.name.data != field.whole.data ||
		    field.value.data + field.value.length > field.whole.data + field.whole.length)
			abort();
		position += field.whole.length;
	}
	if (header_length(message) > size || position > header_length(message))
		abort();
	if (header_count(message, SLICE("Received"), SIZE_MAX) > count)
		abort();
	return 0;
}
