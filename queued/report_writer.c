/*
 * How the parts of a report are written: addresses, dates, and words from elsewhere.
 */
#include "queued/report_writer.h"

#include "common/base/utf8.h"
#include "common/mail/address.h"
#include "common/mail/date.h"

enum { LINE_LENGTH = 72 }; /* columns of a paragraph, as long as its words are not longer */

bool
report_is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.length; i++)
		if ((unsigned char)s.data[i] > 127)
			return false;
	return true;
}

void
report_put_slice(struct report_writer *writer, struct slice s)
{
	if (writer->error == 0)
		writer->error = buffer_append_slice(writer->out, s);
}

void
report_put(struct report_writer *writer, const char *text)
{
	report_put_slice(writer, slice_from_string(text));
}

void
report_put_text(struct report_writer *writer, struct slice text)
{
	char *room;

	if (report_is_ascii(text) || (writer->utf8 && utf8_valid(text))) {
		report_put_slice(writer, text);
		return;
	}
	if (writer->error == 0)
		writer->error = buffer_reserve(writer->out, text.length, &room);
	if (writer->error != 0)
		return;
	for (size_t i = 0; i < text.length; i++)
		room[i] = (unsigned char)text.data[i] > 127 ? '?' : text.data[i];
	buffer_commit(writer->out, text.length);
}

void
report_put_address(struct report_writer *writer, struct slice address)
{
	char quoted[2 * ADDRESS_MAX + 4];

	address_format_quoted(address, quoted, sizeof(quoted));
	report_put_text(writer, slice_from_string(quoted));
}

void
report_put_date(struct report_writer *writer, int64_t when)
{
	char date[DATE_SIZE];

	date_format_utc(when, date);
	report_put(writer, date);
}

void
report_put_paragraph(struct report_writer *writer, const char *indent, struct slice words)
{
	struct slice word = slice_word(&words);
	size_t column = 0;

	while (word.length > 0) {
		if (column > 0 && column + 1 + word.length > LINE_LENGTH) {
			report_put(writer, "\r\n");
			column = 0;
		}
		report_put(writer, column == 0 ? indent : " ");
		report_put_text(writer, word);
		column += (column == 0 ? strlen(indent) : 1) + word.length;
		word = slice_word(&words);
	}
	if (column > 0)
		report_put(writer, "\r\n");
}
