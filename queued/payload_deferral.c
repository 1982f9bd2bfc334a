/*
 * What stands inside a DEFERRAL: building and parsing.
 */
#include "queued/payload_deferral.h"

#include <errno.h>

/* Offsets in a DEFERRAL's payload; see doc/queue.md. */
enum {
	AT_ATTEMPTS_TOLD = 12,
	AT_REASONS = 24, /* of the latest attempt */
	REASON_LEAST = 4 * 4, /* bytes of the shortest reason */
};

static void
count_one(struct buffer *out, size_t offset)
{
	char *at = out->data + out->start + offset;

	little_put_u32(at, little_get_u32(at) + 1);
}

int
deferral_begin(struct buffer *out, uint32_t attempts, int64_t next, int64_t when)
{
	struct wire_writer writer = wire_begin_bare(out);

	wire_put_u32(&writer, attempts);
	wire_put_u64(&writer, (uint64_t)next);
	wire_put_u32(&writer, 1);
	wire_put_u64(&writer, (uint64_t)when);
	wire_put_u32(&writer, 0);
	return wire_end_bare(&writer);
}

int
deferral_add(struct buffer *out, const char *status, struct slice remote, struct slice text, const struct payload_range *ranges,
             size_t count)
{
	struct wire_writer writer = wire_begin_bare(out);
	int error;

	wire_put_string(&writer, status);
	wire_put_slice(&writer, remote);
	wire_put_slice(&writer, text);
	payload_put_ranges(&writer, ranges, count);
	error = wire_end_bare(&writer);
	if (error == 0)
		count_one(out, AT_REASONS);
	return error;
}

/* ---- reading ---- */

int
deferral_parse(struct slice payload, struct deferral *deferral_r)
{
	*deferral_r = (struct deferral){ .reader = wire_read(payload) };
	deferral_r->attempts = wire_get_u32(&deferral_r->reader);
	deferral_r->next = (int64_t)wire_get_u64(&deferral_r->reader);
	deferral_r->told = wire_get_u32(&deferral_r->reader);
	return deferral_r->reader.bad || deferral_r->next < 0 ? -EINVAL : 0;
}

static bool
get_reason(struct wire_reader *reader, struct deferral_reason *reason_r)
{
	struct payload_range range;

	reason_r->status = wire_get_slice(reader);
	reason_r->remote = wire_get_slice(reader);
	reason_r->text = wire_get_slice(reader);
	reason_r->range_count = wire_get_u32(reader);
	reason_r->ranges = *reader;
	for (uint32_t i = 0; i < reason_r->range_count; i++)
		if (!payload_get_range(reader, &range))
			return false;
	return !reader->bad && reason_r->status.length < PAYLOAD_STATUS_MAX && reason_r->remote.length < PAYLOAD_TEXT_MAX &&
	       reason_r->text.length < PAYLOAD_TEXT_MAX;
}

/* The head of the next attempt. False when there is none. */
static bool
begin_attempt(struct deferral *deferral)
{
	if (deferral->told == 0)
		return false;
	deferral->told--;
	deferral->when = (int64_t)wire_get_u64(&deferral->reader);
	deferral->reasons = wire_get_u32(&deferral->reader);
	if (deferral->reasons > wire_left(&deferral->reader) / REASON_LEAST)
		deferral->reader.bad = true;
	return !deferral->reader.bad;
}

int
deferral_next(struct deferral *deferral, struct deferral_reason *reason_r)
{
	while (deferral->reasons == 0)
		if (!begin_attempt(deferral))
			return wire_done(&deferral->reader) ? 0 : -EINVAL;
	deferral->reasons--;
	reason_r->when = deferral->when;
	return get_reason(&deferral->reader, reason_r) ? 1 : -EINVAL;
}

bool
deferral_range(struct deferral_reason *reason, struct payload_range *range_r)
{
	if (reason->range_count == 0)
		return false;
	reason->range_count--;
	return payload_get_range(&reason->ranges, range_r);
}

/* ---- history ---- */

/* The bytes of the next attempt, or nothing at the end. */
static struct slice
next_attempt(struct deferral *deferral)
{
	const char *begin = (const char *)deferral->reader.next;
	struct deferral_reason reason;

	if (!begin_attempt(deferral))
		return SLICE("");
	while (deferral->reasons > 0) {
		deferral->reasons--;
		if (!get_reason(&deferral->reader, &reason))
			return SLICE("");
	}
	return slice_of(begin, (size_t)((const char *)deferral->reader.next - begin));
}

int
deferral_add_history(struct buffer *out, struct slice earlier)
{
	size_t left = DEFERRAL_HISTORY_MAX;
	struct deferral deferral;
	int error = 0;

	if (deferral_parse(earlier, &deferral) != 0)
		return 0;
	for (int i = 1; error == 0 && i < DEFERRAL_ATTEMPTS_MAX; i++) {
		struct slice attempt = next_attempt(&deferral);

		if (attempt.length == 0 || attempt.length > left)
			break;
		left -= attempt.length;
		error = buffer_append_slice(out, attempt);
		if (error == 0)
			count_one(out, AT_ATTEMPTS_TOLD);
	}
	return error;
}
