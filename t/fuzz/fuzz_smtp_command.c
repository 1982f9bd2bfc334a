/*
 * Command lines and their parameters: whatever comes, what is returned lies within the input, and limits are
 * kept.
 */
#include <stdint.h>
#include <stdlib.h>

#include "smtpd/command.h"
#include "smtpd/parameters.h"
#include "smtpd/xtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	struct mail_parameters mail;
	struct rcpt_parameters rcpt;
	struct command command;
	struct slice line;
	char text[40];
	size_t used;
	bool ended;

	switch (command_cut(input, &line, &used)) {
	case COMMAND_LINE_WHOLE:
		if (used > COMMAND_LINE_MAX || line.length + 2 != used || slice_find(line, '\n') < line.length)
			abort();
		if (command_parse(line, &command) == 0) {
			parameters_mail(command.arguments, &mail);
			parameters_rcpt(command.arguments, true, &rcpt);
		}
		break;
	case COMMAND_LINE_BARE_LF:
		if (used == 0 || used > COMMAND_LINE_MAX)
			abort();
		break;
	case COMMAND_LINE_TOO_LONG:
		if (size < COMMAND_LINE_MAX || command_skip(input, &ended) > size)
			abort();
		break;
	case COMMAND_LINE_MORE:
		if (size >= COMMAND_LINE_MAX)
			abort();
		break;
	}
	parameters_mail(input, &mail);
	parameters_rcpt(input, size % 2 == 0, &rcpt);
	if (xtext_decode(input, text, sizeof(text)) == 0 && strlen(text) > size)
		abort();
	return 0;
}
