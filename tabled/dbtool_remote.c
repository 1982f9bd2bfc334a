/*
 * dbtool: a call by tabled, over its admin socket.
 */
#include <errno.h>

#include "common/ipc/call.h"
#include "tabled/dbtool.h"

/* 1 when it was the reply, 0 when there is more to come, or a negative errno value. */
static int
remote_frame(void *context, const struct wire_header *header, struct slice payload)
{
	struct dbtool *dbtool = context;
	struct wire_reader reader = wire_read(payload);
	uint64_t done, total;

	if (header->type == ADMIN_REPLY)
		return admin_reply_get(&reader, &dbtool->reply) ? 1 : -EPROTO;
	if (header->type != ADMIN_PROGRESS)
		return -EPROTO;
	done = wire_get_u64(&reader);
	total = wire_get_u64(&reader);
	if (!wire_done(&reader))
		return -EPROTO;
	progress_show("storing", done, total);
	return 0;
}

int
remote_run(struct dbtool *dbtool)
{
	const struct call call = {
		.directory = dbtool->config.run_directory,
		.socket = "tabled-admin",
		.file = dbtool->file,
		.frame_max = ADMIN_FRAME_MAX,
		.answer_ms = CALL_ANSWER_MS,
		.frame = remote_frame,
		.context = dbtool,
	};
	struct wire_writer writer;
	struct buffer frame;
	int error;

	buffer_init(&frame, ADMIN_FRAME_MAX + WIRE_HEADER_SIZE);
	writer = wire_begin(&frame, ADMIN_CALL, WIRE_DESCRIPTOR, 1);
	admin_call_put(&writer, &dbtool->call);
	error = wire_end(&writer);
	if (error == 0)
		error = call_run(&call, buffer_slice(&frame));
	buffer_free(&frame);
	return error;
}
