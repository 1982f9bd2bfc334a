/*
 * The fields of the frames between dbtool and tabled (common/ipc/proto_admin.h).
 */
#include "tabled/admin.h"

enum {
	FLAGS_KNOWN = ADMIN_IF_EXISTS | ADMIN_IF_NOT_EXISTS | ADMIN_RECURSIVE,
	FIELDS_KNOWN = 2 * ADMIN_FIELD_SECRET_REMOVE - 1,
};

void
admin_call_put(struct wire_writer *writer, const struct admin_call *call)
{
	wire_put_u8(writer, (uint8_t)call->verb);
	wire_put_u8(writer, (uint8_t)call->noun);
	wire_put_u32(writer, call->flags);
	wire_put_u32(writer, call->fields);
	wire_put_slice(writer, call->name);
	wire_put_slice(writer, call->record);
	wire_put_slice(writer, call->item);
	wire_put_slice(writer, call->secret);
}

bool
admin_call_get(struct wire_reader *reader, struct admin_call *call_r)
{
	call_r->verb = wire_get_u8(reader);
	call_r->noun = wire_get_u8(reader);
	call_r->flags = wire_get_u32(reader);
	call_r->fields = wire_get_u32(reader);
	call_r->name = wire_get_slice(reader);
	call_r->record = wire_get_slice(reader);
	call_r->item = wire_get_slice(reader);
	call_r->secret = wire_get_slice(reader);
	return wire_done(reader) && call_r->secret.length <= TABLE_PASSWORD_MAX && (call_r->flags & ~(uint32_t)FLAGS_KNOWN) == 0 &&
	       (call_r->fields & ~(uint32_t)FIELDS_KNOWN) == 0;
}

void
admin_reply_put(struct wire_writer *writer, const struct admin_reply *reply)
{
	wire_put_u8(writer, (uint8_t)reply->status);
	wire_put_u64(writer, reply->count);
	wire_put_string(writer, reply->message);
}

bool
admin_reply_get(struct wire_reader *reader, struct admin_reply *reply_r)
{
	reply_r->status = wire_get_u8(reader);
	reply_r->count = wire_get_u64(reader);
	wire_get_string(reader, reply_r->message, sizeof(reply_r->message));
	return wire_done(reader) && reply_r->status <= ADMIN_TEMPORARY;
}

void
admin_record_put(struct wire_writer *writer, const struct admin_record *record)
{
	wire_put_u8(writer, (uint8_t)record->noun);
	wire_put_slice(writer, record->name);
	wire_put_slice(writer, record->record);
}

bool
admin_record_get(struct wire_reader *reader, struct admin_record *record_r)
{
	record_r->noun = wire_get_u8(reader);
	record_r->name = wire_get_slice(reader);
	record_r->record = wire_get_slice(reader);
	return wire_done(reader) && record_r->noun >= ADMIN_DOMAIN && record_r->noun <= ADMIN_ROUTE;
}
