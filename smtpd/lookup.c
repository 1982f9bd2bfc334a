/*
 * Questions to tabled (common/ipc/proto_table.h).
 */
#include "smtpd/lookup.h"

#include <errno.h>

#include "common/ipc/link.h"
#include "common/mail/auth.h"

enum {
	ANSWER_TIMEOUT = 30 * 1000, /* milliseconds; a lookup takes microseconds, so tabled is stuck */
	UNSENT_MAX = 4 * 1024 * 1024, /* bytes of questions that wait while tabled does not read */
};

struct link *
lookup_link(struct process *process)
{
	static const struct link_protocol protocol = {
		.channel = "tabled-smtpd",
		.timeout_ms = ANSWER_TIMEOUT,
		.input_limit = AUTH_LINK_REPLY_MAX,
		.output_limit = UNSENT_MAX,
		.secret = true,
	};

	return link_new(process, &protocol, NULL);
}

static int
lookup_answered(void *context, int status, struct channel_frame *frame)
{
	struct lookup *lookup = context;
	enum table_class class = TABLE_TEMPORARY;
	int error = 0;

	if (status == 0) {
		class = wire_get_u8(&frame->body);
		if (frame->type != TABLE_LOOKUP_REPLY || !wire_done(&frame->body) || class > TABLE_TEMPORARY) {
			class = TABLE_TEMPORARY;
			error = -EPROTO;
		}
	}
	lookup->waiting = false;
	lookup->answered(lookup, class);
	return error;
}

int
lookup_ask(struct link *link, struct slice address, struct lookup *lookup)
{
	struct wire_writer writer;
	int error;

	/* The link has no writer to give while it is down. */
	writer = link_begin(link, TABLE_LOOKUP, -1);
	wire_put_slice(&writer, address);
	error = link_send(link, &writer, lookup_answered, lookup, &lookup->request);
	lookup->waiting = error == 0;
	return error;
}

void
lookup_cancel(struct link *link, struct lookup *lookup)
{
	if (lookup->waiting)
		link_cancel(link, lookup->request);
	lookup->waiting = false;
}
