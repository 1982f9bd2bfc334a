/*
 * The conversion to 7bit: which bodies hold bytes above 127, as the scan finds out, and what becomes of them.
 */
#include <stdint.h>

#include "common/mail/mime_state.h"

bool
mime_is_7bit(struct slice bytes)
{
	uint64_t seen = 0;
	size_t at = 0;

	for (; at + sizeof(seen) <= bytes.length; at += sizeof(seen)) {
		uint64_t word;

		memcpy(&word, bytes.data + at, sizeof(word));
		seen |= word;
	}
	for (; at < bytes.length; at++)
		seen |= (unsigned char)bytes.data[at];
	return (seen & UINT64_C(0x8080808080808080)) == 0;
}

struct mime *
mime_new_7bit(void)
{
	struct mime *mime = mime_new();

	if (mime != NULL)
		mime_begin(mime, MIME_PASS_SCAN);
	return mime;
}

int
mime_scan(struct mime *mime, struct slice piece)
{
	return mime_convert(mime, piece, NULL);
}

int
mime_scan_end(struct mime *mime)
{
	int error = mime_finish(mime, NULL);

	if (error == 0)
		mime_begin(mime, MIME_PASS_7BIT);
	return error;
}

void
mime_found_8bit(struct mime *mime)
{
	if (mime->unfit != NULL) {
		mime_fail(mime, mime->unfit);
		return;
	}
	/* The body is that of the entity that began last. */
	mime->plan.data[mime->plan.end - 1] = 1;
	mime->planned = true;
}

/* What is wrong with a byte above 127 in the body of ENTITY; NULL: nothing. */
static const char *
find_unfit(const struct mime *mime, const struct mime_header *entity, bool composite, bool is_signed)
{
	if (mime->pass == MIME_PASS_7BIT)
		return "another message than the one that was scanned";
	if (composite)
		return MIME_BETWEEN_PARTS;
	if (is_signed)
		return "8-bit bytes in a part that is signed";
	if (entity->encoding == MIME_ENCODED)
		return "8-bit bytes in a part that is encoded already";
	if (entity->kind == MIME_OPAQUE)
		return "8-bit bytes in a part of a type that cannot be encoded";
	return NULL;
}

/* The scan's: an entity begins. */
static void
add_to_plan(struct mime *mime)
{
	if (buffer_length(&mime->plan) == MIME_ENTITIES_MAX)
		mime_fail(mime, "too many parts");
	else if (mime->error == 0)
		mime->error = buffer_append(&mime->plan, "", 1);
}

/* The conversion's: has the scan found bytes above 127 in the body of the entity that begins? */
static bool
next_of_plan(struct mime *mime)
{
	struct slice plan = buffer_slice(&mime->plan);

	return mime->entity < plan.length && plan.data[mime->entity] != 0;
}

void
mime_choose_7bit(struct mime *mime, const struct mime_header *entity, bool composite, bool is_signed,
                 struct mime_treatment *treatment)
{
	bool marked = mime->pass == MIME_PASS_7BIT && next_of_plan(mime);

	if (mime->pass == MIME_PASS_SCAN)
		add_to_plan(mime);
	mime->unfit = find_unfit(mime, entity, composite, is_signed);
	if (entity->encoding == MIME_ENCODED || entity->kind == MIME_OPAQUE || is_signed)
		return;
	if (!composite && (marked || entity->encoding == MIME_BINARY)) {
		treatment->body = entity->is_text && entity->encoding != MIME_BINARY ? MIME_BODY_QUOTED : MIME_BODY_BASE64;
		treatment->label = treatment->body == MIME_BODY_QUOTED ? SLICE("quoted-printable") : SLICE("base64");
		treatment->type = treatment->body == MIME_BODY_QUOTED && !entity->has_type;
	} else if (entity->encoding != MIME_7BIT) {
		treatment->label = SLICE("7bit");
	}
	if (mime->pass == MIME_PASS_7BIT && mime->at_message && !entity->has_version)
		treatment->version = treatment->body != MIME_BODY_AS_IT_IS || (mime->entity == 0 && mime->planned);
}
