/*
 * SASLprep by libidn, which gets valid UTF-8 only.
 */
#include "tabled/saslprep.h"

#include <stringprep.h>

#include "common/base/utf8.h"

static bool
saslprep_is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] >= 128)
			return false;
	return true;
}

struct slice
saslprep(struct slice text, char *memory, size_t size)
{
	if (saslprep_is_ascii(text) || !utf8_valid(text) || slice_to_string(text, memory, size) != 0)
		return text;
	if (stringprep(memory, size, (Stringprep_profile_flags)0, stringprep_saslprep) != STRINGPREP_OK || memory[0] == '\0')
		return text;
	return slice_from_string(memory);
}
