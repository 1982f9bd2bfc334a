/*
 * Jobs of delivery workers: what they are told, and what they may answer.
 */
#include "queued/deliver.h"

#include "common/ipc/proto_deliver.h"
#include "queued/schedule_state.h"

_Static_assert((int)DELIVER_TEMPORARY == (int)JOB_TEMPORARY && (int)DELIVER_PERMANENT == (int)JOB_PERMANENT &&
               (int)DELIVER_DAMAGED == (int)JOB_DAMAGED, "results go as they are");

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
	wire_put_u32(writer, active->payload.sums.whole);
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

	return workers_check_results(&copy, count);
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

const struct workers_protocol deliver_protocol = {
	.channel = "queued-deliverd",
	.credit_max = DELIVER_CREDIT_MAX,
	.put = deliver_put,
	.check = deliver_check_reply,
	.take = deliver_take,
};
