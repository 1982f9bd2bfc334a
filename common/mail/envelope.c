/*
 * The envelope's encoding: a version, the flags, the four texts, then each recipient. The same on channels and in
 * queue records, so that queued need not take an envelope apart to store it. What is decoded came from another
 * process or a disk, and is checked.
 */
#include "common/mail/envelope.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/ipc/wire.h"

enum {
	ENVELOPE_VERSION = 1,
	RECIPIENT_LEAST = 4 + 1 + 4 + 1, /* bytes of the shortest encoded recipient */
	FLAGS_ALL = ENVELOPE_8BITMIME | ENVELOPE_BINARYMIME | ENVELOPE_SMTPUTF8 | ENVELOPE_RET_FULL |
	            ENVELOPE_RET_HDRS | ENVELOPE_LAST,
	NOTIFY_ALL = ENVELOPE_NOTIFY_NEVER | ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE |
	             ENVELOPE_NOTIFY_DELAY,
};

int
envelope_encode(const struct envelope *envelope, struct buffer *out)
{
	struct wire_writer writer = wire_begin_bare(out);

	wire_put_u8(&writer, ENVELOPE_VERSION);
	wire_put_u8(&writer, envelope->flags);
	wire_put_slice(&writer, envelope->sender);
	wire_put_slice(&writer, envelope->envid);
	wire_put_slice(&writer, envelope->client);
	wire_put_slice(&writer, envelope->session);
	wire_put_u32(&writer, envelope->recipient_count);
	for (uint32_t i = 0; i < envelope->recipient_count; i++) {
		const struct envelope_recipient *recipient = &envelope->recipients[i];

		wire_put_slice(&writer, recipient->address);
		wire_put_slice(&writer, recipient->orcpt);
		wire_put_u8(&writer, recipient->notify);
	}
	return wire_end_bare(&writer);
}

/*
 * No longer than MOST, and without control bytes: these texts end up in headers, logs and commands of other
 * protocols.
 */
static bool
text_is_good(struct slice text, size_t most)
{
	if (text.length > most)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127)
			return false;
	return true;
}

/* RET has one value (RFC 3461 4.3). */
static bool
flags_are_good(unsigned flags)
{
	const unsigned both = ENVELOPE_RET_FULL | ENVELOPE_RET_HDRS;

	return (flags & ~(unsigned)FLAGS_ALL) == 0 && (flags & both) != both;
}

/* NEVER stands alone (RFC 3461 4.1). */
static bool
notify_is_good(unsigned notify)
{
	if ((notify & ENVELOPE_NOTIFY_NEVER) != 0)
		return notify == ENVELOPE_NOTIFY_NEVER;
	return (notify & ~(unsigned)NOTIFY_ALL) == 0;
}

static bool
decode_recipients(struct wire_reader *reader, struct envelope *envelope)
{
	for (uint32_t i = 0; i < envelope->recipient_count; i++) {
		struct envelope_recipient *recipient = &envelope->recipients[i];

		recipient->address = wire_get_slice(reader);
		recipient->orcpt = wire_get_slice(reader);
		recipient->notify = wire_get_u8(reader);
		if (recipient->address.length == 0 || !text_is_good(recipient->address, ENVELOPE_ADDRESS_MAX) ||
		    !text_is_good(recipient->orcpt, ENVELOPE_ORCPT_MAX) || !notify_is_good(recipient->notify))
			return false;
	}
	return wire_done(reader);
}

int
envelope_decode(struct slice encoded, struct envelope *envelope_r)
{
	struct wire_reader reader = wire_read(encoded);
	struct envelope envelope = { 0 };
	uint8_t version = wire_get_u8(&reader);

	*envelope_r = (struct envelope){ 0 };
	envelope.flags = wire_get_u8(&reader);
	envelope.sender = wire_get_slice(&reader);
	envelope.envid = wire_get_slice(&reader);
	envelope.client = wire_get_slice(&reader);
	envelope.session = wire_get_slice(&reader);
	envelope.recipient_count = wire_get_u32(&reader);
	if (version != ENVELOPE_VERSION || !flags_are_good(envelope.flags) ||
	    !text_is_good(envelope.sender, ENVELOPE_ADDRESS_MAX) ||
	    !text_is_good(envelope.envid, ENVELOPE_ENVID_MAX) ||
	    !text_is_good(envelope.client, ENVELOPE_CLIENT_MAX) ||
	    !text_is_good(envelope.session, ENVELOPE_SESSION_MAX))
		return -EINVAL;
	/* The count is believed only as far as there are bytes for it. */
	if (envelope.recipient_count == 0 || envelope.recipient_count > ENVELOPE_RECIPIENTS_MAX ||
	    envelope.recipient_count > wire_left(&reader) / RECIPIENT_LEAST)
		return -EINVAL;
	envelope.recipients = calloc(envelope.recipient_count, sizeof(*envelope.recipients));
	if (envelope.recipients == NULL)
		return -ENOMEM;
	if (!decode_recipients(&reader, &envelope)) {
		envelope_free(&envelope);
		return -EINVAL;
	}
	*envelope_r = envelope;
	return 0;
}

void
envelope_free(struct envelope *envelope)
{
	free(envelope->recipients);
	*envelope = (struct envelope){ 0 };
}
