/*
 * Fuzzes what a client sends to log in: base64, PLAIN, and both messages of SCRAM.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/base/base64.h"
#include "common/mail/sasl.h"
#include "common/mail/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What can be decoded is encoded to the same text. */
static void
check_base64(struct slice text)
{
	char bytes[SASL_MESSAGE_MAX], again[BASE64_SIZE(SASL_MESSAGE_MAX)];
	size_t length;

	if (base64_decode(text, bytes, sizeof(bytes), &length) != 0)
		return;
	if (!slice_equal(slice_of(again, base64_encode(bytes, length, again)), text))
		abort();
}

static void
check_scram(struct slice first, struct slice final)
{
	static const struct scram_channel channel = { .exporter = { "0123", 4 }, .end_point = { "abc", 3 } };
	static struct scram_keys keys;
	static struct scram scram;
	char signature[SCRAM_SERVER_FINAL_SIZE];

	for (int plus = 0; plus < 2; plus++) {
		if (scram_begin(&scram, first, plus == 1, &channel) != 0)
			continue;
		if (scram_challenge(&scram, "nonce", SLICE("salt"), SCRAM_ITERATIONS).length == 0 || scram_finish(&scram, final) != 0)
			continue;
		if (scram_proves(&scram, &keys))
			abort();
		scram_signature(&scram, &keys, signature);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	size_t half = slice_find(input, '\n');
	struct slice login, password;

	check_base64(input);
	if (sasl_plain(input, &login, &password) && (login.length == 0 || password.length == 0))
		abort();
	check_scram(slice_first(input, half), slice_from(input, half + 1));
	(void)sasl_find(input);
	return 0;
}
