/*
 * Fuzzes the configuration's parser: a refusal must say something, in printable ASCII, that begins with the file's
 * name.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mail/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	char error[CONFIG_ERROR_MAX];

	if (config_parse(&config, "file", slice_of(data, size), error) == 0) {
		if (error[0] != '\0' || config.hostname[0] == '\0' || config.retry.count == 0)
			abort();
		return 0;
	}
	if (strncmp(error, "file:", 5) != 0)
		abort();
	for (const char *at = error; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			abort();
	return 0;
}
