/*
 * Fuzzes what reports are made of: the header of a message, and words and addresses from elsewhere. What comes out has lines of the length that
 * RFC 5322 2.1.1 allows, no bare CR or LF, and nothing above 127 that it does not own up to.
 */
#include <stdlib.h>

#include "common/mail/envelope.h"
#include "queued/original.h"
#include "queued/payload.h"
#include "queued/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_OCTETS = 998 };

/* The next piece of INPUT, of at most MOST bytes, with control bytes as blanks: so the envelope and outcomes give them. Freed by nobody: static. */
static struct slice
take(struct slice *input, char *room, size_t most)
{
	size_t end = slice_find(*input, '\n');
	struct slice piece = slice_first(slice_first(*input, end), most);

	*input = slice_from(*input, end + 1);
	for (size_t i = 0; i < piece.length; i++)
		room[i] = (unsigned char)piece.data[i] < ' ' || piece.data[i] == 127 ? ' ' : piece.data[i];
	return slice_of(room, piece.length);
}

static void
check_lines(struct slice text, bool eight_bit)
{
	size_t length = 0;

	for (size_t i = 0; i < text.length; i++) {
		bool end = text.data[i] == '\r' && i + 1 < text.length && text.data[i + 1] == '\n';

		if ((!eight_bit && (unsigned char)text.data[i] > 127) || (text.data[i] == '\r' && !end) ||
		    (text.data[i] == '\n' && (i == 0 || text.data[i - 1] != '\r')) || length > LINE_MAX_OCTETS)
			abort();
		length = end || text.data[i] == '\n' ? 0 : length + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char rooms[7][PAYLOAD_TEXT_MAX];
	struct slice input = slice_of(data, size);
	struct report_recipient recipient;
	struct report report = { .hostname = "mx.example.org", .id = "1", .original_id = "2", .boundary = "=_b", .now = 1800000000,
	                         .recipients = &recipient, .recipient_count = 1 };
	struct report_traits traits;
	struct buffer out;

	if (size < 2)
		return 0;
	report.kind = data[0] % (REPORT_DOUBLE + 1);
	recipient.action = data[1] % (REPORT_EXPANDED + 1);
	input = slice_from(input, 2);
	report.to = take(&input, rooms[0], ENVELOPE_ADDRESS_MAX);
	report.envid = take(&input, rooms[1], ENVELOPE_ENVID_MAX);
	recipient.original = take(&input, rooms[2], ENVELOPE_ORCPT_MAX);
	recipient.final = take(&input, rooms[3], ENVELOPE_ADDRESS_MAX);
	recipient.via = take(&input, rooms[4], ENVELOPE_ADDRESS_MAX);
	recipient.remote = take(&input, rooms[5], PAYLOAD_TEXT_MAX - 1);
	recipient.text = take(&input, rooms[6], PAYLOAD_TEXT_MAX - 1);
	recipient.status = slice_first(SLICE("5.1.1"), recipient.text.length);
	report.content = SLICE("\r\n");
	report.message_id = original_message_id(input);
	original_is_automatic(input);
	if (original_header(input, 100).length > 100)
		abort();
	buffer_init(&out, 1024 * 1024);
	if (report_compose(&report, &out, &traits) != 0)
		abort();
	check_lines(buffer_slice(&out), traits.eight_bit);
	buffer_free(&out);
	return 0;
}
