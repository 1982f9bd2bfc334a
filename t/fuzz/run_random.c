/*
 * Runs a fuzzer's function without libFuzzer, on inputs from a generator with a fixed seed: so that "make check", and each compiler, drives every
 * channel's handlers with frames of every type in every state, malformed ones, and descriptors where none belong. It fails by crashing.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	INPUTS = 10000,
	SIZE_MAX_INPUT = 512, /* bytes */
	LIMIT_SECONDS = 120,
};

/* xorshift64* (Vigna 2014) */
static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

int
main(void)
{
	uint64_t state = 1;
	uint8_t input[SIZE_MAX_INPUT];

	alarm(LIMIT_SECONDS);
	for (int i = 0; i < INPUTS; i++) {
		size_t size = next_random(&state) % sizeof(input) + 1;

		for (size_t at = 0; at < size; at++)
			input[at] = (uint8_t)(next_random(&state) >> 32);
		LLVMFuzzerTestOneInput(input, size);
	}
	printf("%d inputs\n", INPUTS);
	return 0;
}
