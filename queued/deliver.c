/*
 * Jobs of delivery workers: what they are told, and what they may answer.
 */
#include "queued/deliver.h"

#include <errno.h>

#include "common/ipc/proto_deliver.h"
#include "queued/schedule_state.h"

enum {
	REPLY_MAX = 256 * 1024,        /* bytes of a reply's payload: 100 targets with text */
	OUTPUT_MAX = 32 * 1024 * 1024, /* unsent bytes to one worker */
};

static uint8_t
job_flags(const struct envelope *envelope)
{
	return (uint8_t)(((envelope->flags & ENVELOPE_SMTPUTF8) != 0 ? DELIVER_SMTPUTF8 : 0) |
	                 ((envelope->flags & ENVELOPE_8BITMIME) != 0 ? DELIVER_8BIT : 0));
}

static void
deliver_put(struct wire_writer *writer, const struct job *job, struct slice body)
{
	const struct active *active = job->consignment->active;
	const struct target *target;

	wire_put_u64(writer, active->message->id);
	wire_put_u64(writer, (uint64_t)active->message->arrival);
	wire_put_slice(writer, active->envelope.sender);
	wire_put_u8(writer, job_flags(&active->envelope));
	wire_put_u64(writer, active->message->body_size);
	wire_put_slice(writer, body);
	wire_put_u32(writer, job->count);
	STAILQ_FOREACH(target, &job->targets, link) {
		wire_put_slice(writer, target->path);
		wire_put_u64(writer, target->quota);
		wire_put_slice(writer, target->folder);
		wire_put_slice(writer, target->address);
		wire_put_slice(writer, active_original_recipient(active, target->index));
	}
}

int
deliver_check_reply(const struct wire_reader *reader, uint32_t count)
{
	struct wire_reader copy = *reader;

	if (wire_get_u32(&copy) != count)
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t result = wire_get_u8(&copy);
		struct slice status = wire_get_slice(&copy);
		struct slice text = wire_get_slice(&copy);

		if (copy.bad || result > DELIVER_PERMANENT || status.length >= DELIVER_TEXT_MAX || text.length >= DELIVER_TEXT_MAX)
			return -EPROTO;
	}
	return wire_done(&copy) ? 0 : -EPROTO;
}

static void
deliver_take(struct job *job, struct wire_reader *reader)
{
	const struct target *target;

	wire_get_u32(reader);
	STAILQ_FOREACH(target, &job->targets, link) {
		enum job_result result = wire_get_u8(reader);
		struct verdict verdict = { .status = wire_get_slice(reader) };

		verdict.text = wire_get_slice(reader);
		job_result(job, target, result, &verdict);
	}
}

static const struct channel_handler handlers[] = {
	{ DELIVER_READY, 1 << WORKERS_STATE_NEW, false, workers_on_ready },
	{ DELIVER_REPLY, 1 << WORKERS_STATE_READY, false, workers_on_reply },
};

static struct channel_count channels = { .most = CHANNEL_PEERS_MAX };
const struct workers_protocol deliver_protocol = {
	.channel = {
		.name = "queued-deliverd",
		.count = &channels,
		.handlers = handlers,
		.handler_count = sizeof(handlers) / sizeof(handlers[0]),
		.input_limit = REPLY_MAX,
		.output_limit = OUTPUT_MAX,
		.closed = workers_on_closed,
		.drained = workers_on_drained,
	},
	.job = DELIVER_JOB,
	.job_file = DELIVER_JOB_FILE,
	.credit_max = DELIVER_CREDIT_MAX,
	.put = deliver_put,
	.check = deliver_check_reply,
	.take = deliver_take,
};
