/*
 * Fuzzes the envelope's decoder: whatever it accepts must encode to the same bytes again.
 */
#include <stdlib.h>

#include "common/mail/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope envelope;
	struct buffer again;

	if (envelope_decode(slice_of(data, size), &envelope) != 0)
		return 0;
	buffer_init(&again, size);
	if (envelope_encode(&envelope, &again) != 0 || !slice_equal(buffer_slice(&again), slice_of(data, size)))
		abort();
	buffer_free(&again);
	envelope_free(&envelope);
	return 0;
}
