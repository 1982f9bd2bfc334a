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
	if (mime->error == 0)
		mime->error = buffer_append_slice(mime->out, bytes);
}

void
mime_put_body(struct mime *mime, struct slice bytes)
{
	if (!mime->encoding)
		put(mime, bytes);
	else if (mime->error == 0)
		mime->error = mime_base64_encode(&mime->base64, bytes, mime->out);
}

void
mime_put_run(struct mime *mime, struct slice run)
{
	if (!mime->encoding && slice_find(run, '\n') < run.length)
		mime_fail(mime, "a bare LF outside of a binary part");
	else if (!mime->encoding && slice_find(run, '\0') < run.length)
		mime_fail(mime, "a NUL outside of a binary part");
	else
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
	if (mime->encoding && mime->error == 0)
		mime->error = mime_base64_end(&mime->base64, mime->out);
	mime->encoding = false;
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
expect_header(struct mime *mime, bool in_digest)
{
	mime->state = MIME_STATE_HEADER;
	mime->in_digest = in_digest;
	mime->header_line = 0;
	buffer_consume(&mime->header, buffer_length(&mime->header));
}

static void
put_header(struct mime *mime, struct slice header, const struct header_field *field, struct slice encoding)
{
	size_t before = (size_t)(field->whole.data - header.data);

	put(mime, slice_first(header, before));
	put(mime, field->name);
	put(mime, SLICE(": "));
	put(mime, encoding);
	put(mime, SLICE("\r\n"));
	put(mime, slice_from(header, before + field->whole.length));
}

void
mime_begin_entity(struct mime *mime, struct slice header)
{
	const struct mime_level *around = mime_levels_top(&mime->levels);
	struct mime_header entity;
	bool composite;

	if (mime_header_read(header, mime->in_digest, &entity) != 0) {
		mime_fail(mime, "a line in a header section that is no field");
		return;
	}
	/* RFC 2045 6.4: only the parts of a composite type can be encoded. */
	composite = entity.encoding != MIME_ENCODED && (entity.kind == MIME_MESSAGE || entity.kind == MIME_MULTIPART);
	if (entity.encoding != MIME_BINARY)
		put(mime, header);
	else if (around != NULL && around->is_signed)
		mime_fail(mime, "a binary part that is signed");
	else if (entity.kind == MIME_OPAQUE)
		mime_fail(mime, "a binary part of a type that cannot be encoded");
	else
		put_header(mime, header, &entity.encoding_field, composite ? SLICE("8bit") : SLICE("base64"));
	mime->encoding = entity.encoding == MIME_BINARY && !composite;
	mime_base64_begin(&mime->base64);
	mime_expect_line(mime, false);
	if (composite && entity.kind == MIME_MESSAGE)
		expect_header(mime, false);
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
		expect_header(mime, mime_levels_top(&mime->levels)->is_digest);
	else
		mime_expect_line(mime, false);
}
