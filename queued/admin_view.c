/*
 * What an administrator sees of a message beyond what is in memory: the record is held by its round, or read back.
 */
#include <errno.h>

#include "queued/active.h"
#include "queued/admin_state.h"

static int
view_get_record(struct admin_view *view)
{
	const struct active *active = view->message->active;

	if (active == NULL || active->record == NULL)
		return store_read(view->admin->hooks.store, view->message, &view->record);
	view->record = record_hold(active->record);
	return 0;
}

int
admin_view_open(struct admin_view *view)
{
	int error;

	if (view->record != NULL)
		return 0;
	error = view_get_record(view);
	if (error == 0)
		error = payload_message_parse(record_payload_slice(view->record), &view->payload) != 0 ? -EBADMSG : 0;
	if (error == 0)
		error = envelope_decode(view->payload.envelope, &view->envelope);
	if (error != 0)
		record_release(&view->record);
	return error;
}

void
admin_view_close(struct admin_view *view)
{
	if (view->record == NULL)
		return;
	envelope_free(&view->envelope);
	record_release(&view->record);
}

struct slice
admin_view_address(const struct admin_view *view, uint32_t index)
{
	const struct expansion *expansion;

	if (index < view->envelope.recipient_count)
		return view->envelope.recipients[index].address;
	expansion = message_expansion_of(view->message, index);
	return expansion == NULL ? SLICE("") : expansion->targets[index - expansion->first].address;
}

bool
admin_index_is_live(const struct message *message, uint32_t index)
{
	enum recipient_state state = message_state(message, index);

	return state != RECIPIENT_ABSENT && (int)state < RECIPIENT_FINAL;
}
