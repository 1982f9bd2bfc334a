/*
 * Jobs of relay workers: what they are told, and what they may answer.
 */
#include "queued/relay.h"

#include <errno.h>

#include "common/ipc/proto_jobs.h"
#include "common/ipc/proto_relay.h"
#include "queued/schedule_state.h"

enum {
	FLAGS = ENVELOPE_8BITMIME | ENVELOPE_SMTPUTF8 | ENVELOPE_RET_FULL | ENVELOPE_RET_HDRS,
};

_Static_assert((int)RELAY_8BITMIME == (int)ENVELOPE_8BITMIME && (int)RELAY_SMTPUTF8 == (int)ENVELOPE_SMTPUTF8 &&
               (int)RELAY_RET_FULL == (int)ENVELOPE_RET_FULL && (int)RELAY_RET_HDRS == (int)ENVELOPE_RET_HDRS,
               "flags go as they are");
_Static_assert((int)RELAY_TEMPORARY == (int)JOB_TEMPORARY && (int)RELAY_PERMANENT == (int)JOB_PERMANENT &&
               (int)RELAY_DAMAGED == (int)JOB_DAMAGED, "and so do results");

/* ---- jobs ---- */

/* In lower case, as the protocol wants it. */
static void
put_domain(struct wire_writer *writer, struct slice address)
{
	struct slice domain = slice_from(address, slice_find_last(address, '@') + 1);
	char lower[ENVELOPE_ADDRESS_MAX];
	size_t length = domain.length < sizeof(lower) ? domain.length : sizeof(lower);

	for (size_t i = 0; i < length; i++)
		lower[i] = domain.data[i] >= 'A' && domain.data[i] <= 'Z' ? (char)(domain.data[i] - 'A' + 'a') : domain.data[i];
	wire_put_slice(writer, slice_of(lower, length));
}

static void
relay_put(struct wire_writer *writer, const struct job *job, struct slice body)
{
	const struct active *active = job->consignment->active;
	const struct target *target = STAILQ_FIRST(&job->targets);

	wire_put_u64(writer, active->message->id);
	wire_put_u64(writer, (uint64_t)active->message->arrival);
	put_domain(writer, target->address);
	route_put(writer, &job->consignment->destination->route);
	wire_put_u8(writer, target->backup ? 1 : 0);
	wire_put_u8(writer, active->envelope.flags & FLAGS);
	wire_put_slice(writer, active->envelope.sender);
	wire_put_slice(writer, active->envelope.envid);
	wire_put_u64(writer, active->message->body_size);
	wire_put_u32(writer, active->payload.sums.whole);
	wire_put_slice(writer, body);
	wire_put_u32(writer, job->count);
	STAILQ_FOREACH(target, &job->targets, link) {
		wire_put_slice(writer, target->address);
		wire_put_slice(writer, active_original_recipient(active, target->index));
		wire_put_u8(writer, active_notify(active, target->index));
	}
}

/* ---- replies ---- */

int
relay_check_reply(const struct wire_reader *reader, uint32_t count)
{
	struct wire_reader copy = *reader;
	uint8_t destination = wire_get_u8(&copy);
	struct slice remote = wire_get_slice(&copy);
	uint8_t dsn = wire_get_u8(&copy);

	if (destination > RELAY_DESTINATION_UNKNOWN || remote.length >= JOBS_TEXT_MAX || dsn > 1)
		return -EPROTO;
	return workers_check_results(&copy, count);
}

static void
relay_take(struct job *job, struct wire_reader *reader)
{
	enum relay_destination found = wire_get_u8(reader);
	struct verdict verdict = { .remote = wire_get_slice(reader) };
	struct verdict trouble = { .status = SLICE("4.4.1"), .text = SLICE("the destination cannot be reached") };
	const struct target *target;

	verdict.dsn = wire_get_u8(reader) != 0;
	wire_get_u32(reader);
	STAILQ_FOREACH(target, &job->targets, link) {
		enum job_result result = wire_get_u8(reader);

		verdict.status = wire_get_slice(reader);
		verdict.text = wire_get_slice(reader);
		job_result(job, target, result, &verdict);
		if (result == JOB_TEMPORARY)
			trouble = verdict;
	}
	destination_learn(job, found, &trouble);
}

const struct workers_protocol relay_protocol = {
	.channel = "queued-relayd",
	.credit_max = RELAY_CREDIT_MAX,
	.sticky = true,
	.secret = true,
	.put = relay_put,
	.check = relay_check_reply,
	.take = relay_take,
};
