/*
 * Fuzzes the lines of an import: what is accepted is written to a line that means the same.
 */
#include <stdlib.h>
#include <string.h>

#include "tabled/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[LINE_PROBLEM_SIZE] = "";
	struct line line, again;
	struct buffer text;
	int found;

	line_init(&line);
	line_init(&again);
	buffer_init(&text, 2 * LINE_MAX_SIZE);
	found = line_parse(&line, slice_of(data, size), problem);
	if (found < 0 && problem[0] == '\0')
		abort();
	if (found == 1 && line_format(&line.record, &text) == 0 && line.record.name.length > 0) {
		buffer_truncate(&text, buffer_length(&text) - 1);
		if (memchr(text.data, '\n', buffer_length(&text)) != NULL ||
		    line_parse(&again, buffer_slice(&text), problem) != 1)
			abort();
		if (again.record.noun != line.record.noun ||
		    !slice_equal(again.record.name, line.record.name) ||
		    !slice_equal(again.record.record, line.record.record))
			abort();
	}
	line_free(&line);
	line_free(&again);
	buffer_free(&text);
	return 0;
}
