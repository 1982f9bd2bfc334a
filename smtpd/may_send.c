/*
 * Questions to tabled (common/ipc/proto_table.h).
 */
#include "smtpd/may_send.h"

#include <errno.h>

#include "common/ipc/link.h"

static int
may_send_answered(void *context, int status, struct channel_frame *frame)
{
	struct may_send *question = context;
	enum table_may_send answer = TABLE_MAY_SEND_LATER;
	int error = 0;

	if (status == 0) {
		answer = wire_get_u8(&frame->body);
		if (frame->type != TABLE_MAY_SEND_REPLY || !wire_done(&frame->body) || answer > TABLE_MAY_SEND_LATER) {
			answer = TABLE_MAY_SEND_LATER;
			error = -EPROTO;
		}
	}
	question->waiting = false;
	question->answered(question, answer);
	return error;
}

int
may_send_ask(struct link *link, const char *login, const char *address, struct may_send *question)
{
	struct wire_writer writer = link_begin(link, TABLE_MAY_SEND, -1);
	int error;

	wire_put_string(&writer, login);
	wire_put_string(&writer, address);
	error = link_send(link, &writer, may_send_answered, question, &question->request);
	question->waiting = error == 0;
	return error;
}

void
may_send_cancel(struct link *link, struct may_send *question)
{
	if (question->waiting)
		link_cancel(link, question->request);
	question->waiting = false;
}
