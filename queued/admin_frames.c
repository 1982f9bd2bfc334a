/*
 * The fields of the frames between queuetool and queued: each written and read side by side.
 */
#include "queued/admin_frames.h"

#include "common/mail/envelope.h"
#include "queued/record.h"

enum {
	FLAGS_KNOWN = QUEUE_ALL | QUEUE_MESSAGE | QUEUE_HEADERS | QUEUE_FOLLOW,
	ID_SIZE = 8,                         /* bytes of an id in a call */
	AGE_MAX = INT32_MAX,                 /* seconds */
};

void
queue_call_put(struct wire_writer *writer, const struct queue_call *call, const uint64_t *ids)
{
	wire_put_u8(writer, (uint8_t)call->verb);
	wire_put_u32(writer, call->flags);
	wire_put_slice(writer, call->sender);
	wire_put_slice(writer, call->recipient);
	wire_put_slice(writer, call->domain);
	wire_put_u64(writer, call->older);
	wire_put_u64(writer, call->newer);
	wire_put_u32(writer, call->id_count);
	for (uint32_t i = 0; i < call->id_count; i++)
		wire_put_u64(writer, ids[i]);
}

bool
queue_call_get(struct wire_reader *reader, struct queue_call *call_r)
{
	call_r->verb = wire_get_u8(reader);
	call_r->flags = wire_get_u32(reader);
	call_r->sender = wire_get_slice(reader);
	call_r->recipient = wire_get_slice(reader);
	call_r->domain = wire_get_slice(reader);
	call_r->older = wire_get_u64(reader);
	call_r->newer = wire_get_u64(reader);
	call_r->id_count = wire_get_u32(reader);
	call_r->ids = reader->next;
	if (reader->bad || call_r->id_count > QUEUE_IDS_MAX || wire_left(reader) != (size_t)call_r->id_count * ID_SIZE)
		return false;
	reader->next = reader->end;
	return call_r->verb >= QUEUE_LIST && call_r->verb < QUEUE_VERB_END && (call_r->flags & ~(uint32_t)FLAGS_KNOWN) == 0 &&
	       call_r->sender.length <= ENVELOPE_ADDRESS_MAX && call_r->recipient.length <= ENVELOPE_ADDRESS_MAX &&
	       call_r->domain.length <= ENVELOPE_ADDRESS_MAX && call_r->older <= AGE_MAX && call_r->newer <= AGE_MAX;
}

uint64_t
queue_call_id(const struct queue_call *call, uint32_t index)
{
	return little_get_u64(call->ids + (size_t)index * ID_SIZE);
}

void
queue_reply_put(struct wire_writer *writer, const struct queue_reply *reply)
{
	wire_put_u8(writer, (uint8_t)reply->status);
	wire_put_u64(writer, reply->count);
	wire_put_string(writer, reply->message);
}

bool
queue_reply_get(struct wire_reader *reader, struct queue_reply *reply_r)
{
	reply_r->status = wire_get_u8(reader);
	reply_r->count = wire_get_u64(reader);
	wire_get_string(reader, reply_r->message, sizeof(reply_r->message));
	return wire_done(reader) && reply_r->status <= QUEUE_TEMPORARY;
}

void
queue_entry_put(struct wire_writer *writer, const struct queue_entry *entry)
{
	wire_put_u64(writer, entry->id);
	wire_put_u64(writer, (uint64_t)entry->arrival);
	wire_put_u64(writer, entry->size);
	wire_put_u8(writer, (uint8_t)entry->state);
	wire_put_u32(writer, entry->recipients);
	wire_put_u32(writer, entry->left);
	wire_put_u32(writer, entry->attempts);
	wire_put_u64(writer, (uint64_t)entry->next);
	wire_put_slice(writer, entry->sender);
	wire_put_slice(writer, entry->status);
	wire_put_slice(writer, entry->text);
	wire_put_slice(writer, entry->remote);
	wire_put_u32(writer, entry->count);
	for (uint32_t i = 0; i < entry->count; i++)
		wire_put_slice(writer, entry->list[i]);
}

bool
queue_entry_get(struct wire_reader *reader, struct queue_entry *entry_r)
{
	*entry_r = (struct queue_entry){ .id = wire_get_u64(reader) };
	entry_r->arrival = (int64_t)wire_get_u64(reader);
	entry_r->size = wire_get_u64(reader);
	entry_r->state = wire_get_u8(reader);
	entry_r->recipients = wire_get_u32(reader);
	entry_r->left = wire_get_u32(reader);
	entry_r->attempts = wire_get_u32(reader);
	entry_r->next = (int64_t)wire_get_u64(reader);
	entry_r->sender = wire_get_slice(reader);
	entry_r->status = wire_get_slice(reader);
	entry_r->text = wire_get_slice(reader);
	entry_r->remote = wire_get_slice(reader);
	entry_r->count = wire_get_u32(reader);
	entry_r->addresses = *reader;
	for (uint32_t i = 0; i < entry_r->count && !reader->bad; i++)
		wire_get_slice(reader);
	return wire_done(reader) && entry_r->state < QUEUE_STATE_END;
}

void
queue_envelope_put(struct wire_writer *writer, const struct queue_envelope *envelope)
{
	wire_put_u8(writer, envelope->flags);
	wire_put_slice(writer, envelope->envid);
	wire_put_slice(writer, envelope->client);
	wire_put_slice(writer, envelope->session);
}

bool
queue_envelope_get(struct wire_reader *reader, struct queue_envelope *envelope_r)
{
	envelope_r->flags = wire_get_u8(reader);
	envelope_r->envid = wire_get_slice(reader);
	envelope_r->client = wire_get_slice(reader);
	envelope_r->session = wire_get_slice(reader);
	return wire_done(reader);
}

void
queue_recipient_put(struct wire_writer *writer, const struct queue_recipient *recipient)
{
	wire_put_u32(writer, recipient->index);
	wire_put_u32(writer, recipient->from);
	wire_put_u8(writer, (uint8_t)recipient->state);
	wire_put_u8(writer, recipient->notify);
	wire_put_slice(writer, recipient->address);
	wire_put_slice(writer, recipient->orcpt);
}

bool
queue_recipient_get(struct wire_reader *reader, struct queue_recipient *recipient_r)
{
	recipient_r->index = wire_get_u32(reader);
	recipient_r->from = wire_get_u32(reader);
	recipient_r->state = wire_get_u8(reader);
	recipient_r->notify = wire_get_u8(reader);
	recipient_r->address = wire_get_slice(reader);
	recipient_r->orcpt = wire_get_slice(reader);
	return wire_done(reader) && recipient_r->state < QUEUE_RECIPIENT_STATE_END;
}

void
queue_attempt_put(struct wire_writer *writer, const struct queue_attempt *attempt)
{
	wire_put_u64(writer, (uint64_t)attempt->when);
	wire_put_u32(writer, attempt->recipients);
	wire_put_slice(writer, attempt->remote);
	wire_put_slice(writer, attempt->status);
	wire_put_slice(writer, attempt->text);
}

bool
queue_attempt_get(struct wire_reader *reader, struct queue_attempt *attempt_r)
{
	attempt_r->when = (int64_t)wire_get_u64(reader);
	attempt_r->recipients = wire_get_u32(reader);
	attempt_r->remote = wire_get_slice(reader);
	attempt_r->status = wire_get_slice(reader);
	attempt_r->text = wire_get_slice(reader);
	return wire_done(reader);
}

void
queue_totals_put(struct wire_writer *writer, const struct queue_totals *totals)
{
	wire_put_u64(writer, totals->messages);
	wire_put_u64(writer, totals->active);
	wire_put_u64(writer, totals->waiting);
	wire_put_u64(writer, totals->held);
	wire_put_u64(writer, totals->segments);
	wire_put_u64(writer, totals->segment_bytes);
	wire_put_u64(writer, totals->live_bytes);
	wire_put_u64(writer, totals->free_bytes);
	wire_put_u64(writer, totals->accepted);
	wire_put_u64(writer, totals->delivered);
	wire_put_u64(writer, totals->deferred);
	wire_put_u64(writer, totals->failed);
	wire_put_u64(writer, (uint64_t)totals->start);
}

bool
queue_totals_get(struct wire_reader *reader, struct queue_totals *totals_r)
{
	totals_r->messages = wire_get_u64(reader);
	totals_r->active = wire_get_u64(reader);
	totals_r->waiting = wire_get_u64(reader);
	totals_r->held = wire_get_u64(reader);
	totals_r->segments = wire_get_u64(reader);
	totals_r->segment_bytes = wire_get_u64(reader);
	totals_r->live_bytes = wire_get_u64(reader);
	totals_r->free_bytes = wire_get_u64(reader);
	totals_r->accepted = wire_get_u64(reader);
	totals_r->delivered = wire_get_u64(reader);
	totals_r->deferred = wire_get_u64(reader);
	totals_r->failed = wire_get_u64(reader);
	totals_r->start = (int64_t)wire_get_u64(reader);
	return wire_done(reader);
}

void
queue_destination_put(struct wire_writer *writer, const struct queue_destination *destination)
{
	wire_put_slice(writer, destination->name);
	wire_put_u64(writer, destination->waiting);
	wire_put_u32(writer, destination->under_way);
	wire_put_u32(writer, destination->window);
	wire_put_u64(writer, (uint64_t)destination->down_until);
	wire_put_slice(writer, destination->text);
	wire_put_u64(writer, destination->delivered);
	wire_put_u64(writer, destination->deferred);
	wire_put_u64(writer, destination->failed);
}

bool
queue_destination_get(struct wire_reader *reader, struct queue_destination *destination_r)
{
	destination_r->name = wire_get_slice(reader);
	destination_r->waiting = wire_get_u64(reader);
	destination_r->under_way = wire_get_u32(reader);
	destination_r->window = wire_get_u32(reader);
	destination_r->down_until = (int64_t)wire_get_u64(reader);
	destination_r->text = wire_get_slice(reader);
	destination_r->delivered = wire_get_u64(reader);
	destination_r->deferred = wire_get_u64(reader);
	destination_r->failed = wire_get_u64(reader);
	return wire_done(reader);
}

void
queue_happening_put(struct wire_writer *writer, const struct queue_happening *happening)
{
	wire_put_u64(writer, (uint64_t)happening->when);
	wire_put_u8(writer, (uint8_t)happening->event);
	wire_put_slice(writer, happening->address);
	wire_put_slice(writer, happening->status);
	wire_put_slice(writer, happening->text);
}

bool
queue_happening_get(struct wire_reader *reader, struct queue_happening *happening_r)
{
	happening_r->when = (int64_t)wire_get_u64(reader);
	happening_r->event = wire_get_u8(reader);
	happening_r->address = wire_get_slice(reader);
	happening_r->status = wire_get_slice(reader);
	happening_r->text = wire_get_slice(reader);
	return wire_done(reader) && happening_r->event < QUEUE_EVENT_END;
}
