/*
 * QUEUE_SHOW: all that is known of a message, and its content, some in each step.
 *
 * The position counts what was shown: entry and envelope are 1, then come the recipients, one each, and SHOWN_ALL. The offset is that in the content.
 */
#include <errno.h>
#include <unistd.h>

#include "common/io/durable.h"
#include "common/mail/header.h"
#include "queued/admin_state.h"
#include "queued/payload_deferral.h"

#define SHOWN_ALL UINT64_MAX /* recipients */

enum { RECIPIENTS_STEP = 256 };

static enum queue_recipient_state
show_state(enum recipient_state state)
{
	switch (state) {
	case RECIPIENT_BUSY:
	case RECIPIENT_SETTLING:
		return QUEUE_RECIPIENT_ACTIVE;
	case RECIPIENT_DELIVERED:
		return QUEUE_RECIPIENT_DELIVERED;
	case RECIPIENT_RELAYED:
		return QUEUE_RECIPIENT_RELAYED;
	case RECIPIENT_BOUNCED:
		return QUEUE_RECIPIENT_FAILED;
	case RECIPIENT_EXPIRED:
		return QUEUE_RECIPIENT_EXPIRED;
	case RECIPIENT_REMOVED:
		return QUEUE_RECIPIENT_REMOVED;
	case RECIPIENT_EXPANDED:
		return QUEUE_RECIPIENT_EXPANDED;
	default:
		return QUEUE_RECIPIENT_WAITING;
	}
}

static int
show_head(struct admin_peer *peer, struct admin_view *view)
{
	int error = admin_list_message(peer, view);
	struct wire_writer writer;

	if (error != 0)
		return error;
	writer = admin_frame(peer, QUEUE_ENVELOPE);
	queue_envelope_put(&writer, &(struct queue_envelope){
		.flags = view->envelope.flags,
		.envid = view->envelope.envid,
		.client = view->envelope.client,
		.session = view->envelope.session,
	});
	return wire_end(&writer);
}

static int
show_recipient(struct admin_peer *peer, const struct admin_view *view, uint32_t index)
{
	const struct expansion *expansion =
		index < view->message->recipients ? NULL : message_expansion_of(view->message, index);
	struct queue_recipient recipient = {
		.index = index,
		.from = expansion == NULL ? index : expansion->recipient,
		.state = show_state(message_state(view->message, index)),
		.address = admin_view_address(view, index),
	};
	struct wire_writer writer = admin_frame(peer, QUEUE_RECIPIENT);

	if (index < view->envelope.recipient_count) {
		recipient.notify = view->envelope.recipients[index].notify;
		recipient.orcpt = view->envelope.recipients[index].orcpt;
	}
	queue_recipient_put(&writer, &recipient);
	return wire_end(&writer);
}

static int
show_attempt(struct admin_peer *peer, struct deferral_reason *reason)
{
	struct queue_attempt attempt = { .when = reason->when, .remote = reason->remote, .status = reason->status, .text = reason->text };
	struct wire_writer writer = admin_frame(peer, QUEUE_ATTEMPT);
	struct payload_range range;

	while (deferral_range(reason, &range))
		attempt.recipients += range.count;
	queue_attempt_put(&writer, &attempt);
	return wire_end(&writer);
}

static int
show_attempts(struct admin_peer *peer, const struct admin_view *view)
{
	struct deferral_reason reason;
	struct deferral deferral;
	struct record *record;
	int error = 0;

	if (store_read_deferral(view->message, &record) != 0)
		return 0;
	if (deferral_parse(record_payload_slice(record), &deferral) == 0)
		while (error == 0 && deferral_next(&deferral, &reason) == 1)
			error = show_attempt(peer, &reason);
	record_release(&record);
	return error;
}

static int
show_recipients(struct admin_peer *peer, const struct admin_view *view)
{
	int error = 0;

	for (int i = 0; error == 0 && i < RECIPIENTS_STEP && peer->position <= view->message->index_count; i++) {
		uint32_t index = (uint32_t)peer->position++ - 1;

		if (message_state(view->message, index) != RECIPIENT_ABSENT)
			error = show_recipient(peer, view, index);
	}
	if (error == 0 && peer->position > view->message->index_count) {
		peer->position = SHOWN_ALL;
		error = show_attempts(peer, view);
	}
	return error == 0 ? 1 : error;
}

static int
show_piece(struct admin_peer *peer, struct slice piece)
{
	struct wire_writer writer = admin_frame(peer, QUEUE_CONTENT);

	wire_put_slice(&writer, piece);
	return wire_end(&writer);
}

/* The content from OFFSET on, into BYTES. A negative errno value, or how many. */
static ssize_t
read_content(const struct admin_view *view, uint64_t offset, char *bytes)
{
	uint64_t left = view->message->body_size - offset;
	size_t length = left < QUEUE_CONTENT_MAX ? (size_t)left : QUEUE_CONTENT_MAX;
	int fd, error;

	if (!view->message->body_in_file) {
		memcpy(bytes, view->payload.body.data + offset, length);
		return (ssize_t)length;
	}
	fd = store_open_body(view->admin->hooks.store, view->message->id);
	if (fd < 0)
		return fd;
	error = durable_pread(fd, bytes, length, (off_t)offset);
	close(fd);
	return error != 0 ? error : (ssize_t)length;
}

/* As admin_verb.message. */
static int
show_content(struct admin_peer *peer, const struct admin_view *view)
{
	char bytes[QUEUE_CONTENT_MAX];
	struct slice piece;
	ssize_t length;
	int error;

	if ((peer->call.flags & (QUEUE_MESSAGE | QUEUE_HEADERS)) == 0 || peer->offset >= view->message->body_size)
		return 0;
	length = read_content(view, peer->offset, bytes);
	if (length < 0)
		return (int)length;
	piece = slice_of(bytes, (size_t)length);
	if ((peer->call.flags & QUEUE_MESSAGE) == 0)
		piece = slice_first(piece, header_length(piece));
	error = show_piece(peer, piece);
	peer->offset += piece.length;
	if (error != 0 || (peer->call.flags & QUEUE_MESSAGE) == 0)
		return error;
	return 1;
}

int
admin_show_message(struct admin_peer *peer, struct admin_view *view)
{
	int error = admin_view_open(view);

	if (error != 0)
		return peer->position == 0 ? admin_list_message(peer, view) : 0;
	if (peer->position == 0) {
		error = show_head(peer, view);
		peer->position = 1;
		return error == 0 ? 1 : error;
	}
	if (peer->position != SHOWN_ALL)
		return show_recipients(peer, view);
	return show_content(peer, view);
}
