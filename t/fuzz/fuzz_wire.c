/*
 * Fuzzes frames and fields. The first bytes of the input say which fields are read from the frame that follows.
 */
#include <stdlib.h>
#include <string.h>

#include "common/ipc/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 8 };

static void
read_field(struct wire_reader *reader, unsigned kind)
{
	char text[16];
	struct slice s;

	switch (kind % 5) {
	case 0:
		wire_get_u8(reader);
		break;
	case 2:
		wire_get_u32(reader);
		break;
	case 3:
		wire_get_u64(reader);
		break;
	case 4:
		s = wire_get_slice(reader);
		if (s.length > 0 && (const unsigned char *)s.data + s.length > reader->end)
			abort();
		break;
	case 5:
		wire_get_string(reader, text, sizeof(text));
		if (strnlen(text, sizeof(text)) == sizeof(text))
			abort();
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_header header;
	struct wire_reader reader;
	struct slice payload;

	if (size < FIELDS || wire_next(slice_of(data + FIELDS, size - FIELDS), 4096, &header, &payload) != 1)
		return 0;
	if (payload.length != header.length || payload.length > 4096)
		abort();
	reader = wire_read(payload);
	for (size_t i = 0; i < FIELDS; i++) {
		const size_t left = wire_left(&reader);

		read_field(&reader, data[i]);
		if (wire_left(&reader) > left)
			abort();
	}
	if (reader.bad && wire_done(&reader))
		abort();
	return 0;
}
