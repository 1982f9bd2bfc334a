/*
 * Text for a terminal.
 */
#include "common/base/plain.h"

void
plain_string(FILE *out, struct slice text)
{
	for (size_t i = 0; i < text.length; i++)
		putc((unsigned char)text.data[i] < ' ' || text.data[i] == 127 ? '?' : text.data[i], out);
}
