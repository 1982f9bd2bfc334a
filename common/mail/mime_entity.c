/*
 * What the converter writes, and what it finds out about the entities of a message.
 */
#include <errno.h>

#include "common/mail/mime_state.h"

/* ---- output ---- */

void
mime_fail(struct mime *mime, const char *problem)
{
	if (mime->error != 0)
		return;
	mime->error = -EBADMSG;
	mime->problem = problem;
}

static void
put(struct mime *mime, struct slice bytes)
{
	if (mime->error == 0 && mime->out != NULL)
		mime->error = buffer_append_slice(mime->out, bytes);
}

void
mime_put_body(struct mime *mime, struct slice bytes)
{
	if (mime->error != 0 || mime->out == NULL)
		return;
	switch (mime->body) {
	case MIME_BODY_AS_IT_IS:
		put(mime, bytes);
		break;
	case MIME_BODY_BASE64:
		mime->error = mime_base64_encode(&mime->base64, bytes, mime->out);
		break;
	case MIME_BODY_QUOTED:
		mime->error = mime_quoted_encode(&mime->quoted, bytes, mime->out);
		break;
	}
}

void
mime_put_line_end(struct mime *mime)
{
	if (mime->body != MIME_BODY_QUOTED)
		mime_put_body(mime, SLICE("\r\n"));
	else if (mime->error == 0 && mime->out != NULL)
		mime->error = mime_quoted_line_end(&mime->quoted, mime->out);
}

void
mime_put_run(struct mime *mime, struct slice run)
{
	if (mime->body == MIME_BODY_AS_IT_IS) {
		if (slice_find(run, '\n') < run.length)
			mime_fail(mime, "a bare LF outside of a binary part");
		else if (slice_find(run, '\0') < run.length)
			mime_fail(mime, "a NUL outside of a binary part");
		else if (mime->pass != MIME_PASS_LINES && !mime_is_7bit(run))
			mime_found_8bit(mime);
	}
	mime_put_body(mime, run);
}

void
mime_put_held(struct mime *mime)
{
	if (mime->after_line_end)
		put(mime, SLICE("\r\n"));
	put(mime, mime_held_line(mime));
}

void
mime_end_body(struct mime *mime)
{
	if (mime->error == 0 && mime->out != NULL) {
		if (mime->body == MIME_BODY_BASE64)
			mime->error = mime_base64_end(&mime->base64, mime->out);
		else if (mime->body == MIME_BODY_QUOTED)
			mime->error = mime_quoted_end(&mime->quoted, mime->out);
	}
	mime->body = MIME_BODY_AS_IT_IS;
	mime->unfit = MIME_BETWEEN_PARTS;
}

/* ---- entities ---- */

void
mime_expect_line(struct mime *mime, bool after_line_end)
{
	mime->state = MIME_STATE_LINE;
	mime->after_line_end = after_line_end;
	mime->line_length = 0;
}

static void
expect_header(struct mime *mime, bool in_digest, bool at_message)
{
	mime->state = MIME_STATE_HEADER;
	mime->in_digest = in_digest;
	mime->at_message = at_message;
	mime->header_line = 0;
	buffer_consume(&mime->header, buffer_length(&mime->header));
}

void
mime_begin(struct mime *mime, enum mime_pass pass)
{
	mime->pass = pass;
	mime->levels.count = 0;
	mime->entity = 0;
	mime->body = MIME_BODY_AS_IT_IS;
	mime->after_line_end = false;
	mime->line_length = 0;
	expect_header(mime, false, true);
}

/* The fields of HEADER, with another Content-Transfer-Encoding. */
static void
put_fields(struct mime *mime, struct slice header, const struct mime_header *entity, struct slice label)
{
	const struct header_field *field = &entity->encoding_field;
	size_t before = field->whole.length == 0 ? entity->fields_length : (size_t)(field->whole.data - header.data);

	put(mime, slice_first(header, before));
	put(mime, field->whole.length == 0 ? SLICE("Content-Transfer-Encoding") : field->name);
	put(mime, SLICE(": "));
	put(mime, label);
	put(mime, SLICE("\r\n"));
	put(mime, slice_from(slice_first(header, entity->fields_length), before + field->whole.length));
}

static void
put_header(struct mime *mime, struct slice header, const struct mime_header *entity, const struct mime_treatment *treatment)
{
	if (treatment->label.length > 0)
		put_fields(mime, header, entity, treatment->label);
	else
		put(mime, slice_first(header, entity->fields_length));
	/* Without the empty line there is no body, and perhaps no end of the last field. */
	if (treatment->type && header.length > entity->fields_length)
		put(mime, SLICE("Content-Type: text/plain; charset=unknown-8bit\r\n"));
	if (treatment->version && header.length > entity->fields_length)
		put(mime, SLICE("MIME-Version: 1.0\r\n"));
	put(mime, slice_from(header, entity->fields_length));
}

static void
choose_lines(const struct mime_header *entity, bool composite, struct mime_treatment *treatment)
{
	if (entity->encoding != MIME_BINARY)
		return;
	treatment->body = composite ? MIME_BODY_AS_IT_IS : MIME_BODY_BASE64;
	treatment->label = composite ? SLICE("8bit") : SLICE("base64");
}

/* What becomes of ENTITY. */
static void
choose(struct mime *mime, const struct mime_header *entity, bool composite, struct mime_treatment *treatment)
{
	const struct mime_level *around = mime_levels_top(&mime->levels);
	bool is_signed = around != NULL && around->is_signed;

	if (entity->encoding == MIME_BINARY && is_signed)
		mime_fail(mime, "a binary part that is signed");
	else if (entity->encoding == MIME_BINARY && entity->kind == MIME_OPAQUE)
		mime_fail(mime, "a binary part of a type that cannot be encoded");
	else if (mime->pass == MIME_PASS_LINES)
		choose_lines(entity, composite, treatment);
	else
		mime_choose_7bit(mime, entity, composite, is_signed, treatment);
}

void
mime_begin_entity(struct mime *mime, struct slice header)
{
	struct mime_treatment treatment = { .body = MIME_BODY_AS_IT_IS };
	struct mime_header entity;
	bool composite;

	if (mime_header_read(header, mime->in_digest, &entity) != 0) {
		mime_fail(mime, "a line in a header section that is no field");
		return;
	}
	/* RFC 2045 6.4: only the parts of a composite type can be encoded. */
	composite = entity.encoding != MIME_ENCODED && (entity.kind == MIME_MESSAGE || entity.kind == MIME_MULTIPART);
	choose(mime, &entity, composite, &treatment);
	put_header(mime, header, &entity, &treatment);
	mime->entity++;
	mime->body = treatment.body;
	mime_base64_begin(&mime->base64);
	mime_quoted_begin(&mime->quoted);
	mime_expect_line(mime, false);
	if (composite && entity.kind == MIME_MESSAGE)
		expect_header(mime, false, true);
	else if (composite && !mime_levels_push(&mime->levels, &entity))
		mime_fail(mime, "parts nested too deeply");
}

void
mime_pass_delimiter(struct mime *mime)
{
	mime_end_body(mime);
	mime_put_held(mime);
	put(mime, SLICE("\r\n"));
	mime->levels.count = mime->delimiter_level + (mime->delimiter == MIME_NEXT_PART ? 1 : 0);
	if (mime->delimiter == MIME_NEXT_PART)
		expect_header(mime, mime_levels_top(&mime->levels)->is_digest, false);
	else
		mime_expect_line(mime, false);
}
