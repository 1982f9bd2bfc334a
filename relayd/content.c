/*
 * The message of a transaction. One area serves all reads from files of the process: a piece is used before the next is read.
 */
#include "relayd/content.h"

#include <errno.h>
#include <stdlib.h>

#include "common/io/durable.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

static char area[CONTENT_PIECE_MAX];

void
content_open(struct content *content, struct slice body, int fd, uint64_t size, uint32_t checksum)
{
	*content = (struct content){ .memory = body, .size = fd < 0 ? body.length : size };
	body_file_begin(&content->file, fd, size, checksum);
	buffer_init(&content->converted, MIME_OUTPUT_7BIT_MAX(CONTENT_PIECE_MAX));
}

void
content_close(struct content *content)
{
	mime_free(&content->mime);
	buffer_free(&content->converted);
	*content = (struct content){ .file = { .fd = -1 } };
}

int
content_convert(struct content *content)
{
	content->mime = mime_new_7bit();
	content->scanning = content->mime != NULL;
	return content->mime == NULL ? -ENOMEM : 0;
}

/* The next piece as it is. */
static int
content_next_plain(struct content *content, size_t most, struct slice *piece_r)
{
	int error = 0;

	if (most > CONTENT_PIECE_MAX)
		most = CONTENT_PIECE_MAX;
	if (content->file.fd < 0)
		*piece_r = slice_first(slice_from(content->memory, (size_t)content->offset), most);
	else
		error = body_file_read(&content->file, area, most, piece_r);
	if (error == 0)
		content->offset += piece_r->length;
	return error;
}

/* All is seen. What has 7 bits goes as it is, be its structure what it may. */
static int
content_scanned(struct content *content)
{
	if (content->scan_error == 0)
		content->scan_error = mime_scan_end(content->mime);
	if (!content->eightbit)
		mime_free(&content->mime);
	else if (content->scan_error != 0)
		return content->scan_error;
	content->scanning = false;
	content->offset = 0;
	body_file_rewind(&content->file);
	return 0;
}

int
content_scan(struct content *content)
{
	struct slice piece;
	int error = content_next_plain(content, CONTENT_PIECE_MAX, &piece);

	if (error != 0)
		return error;
	if (piece.length == 0)
		return content_scanned(content);
	content->eightbit |= !mime_is_7bit(piece);
	if (content->scan_error == 0)
		content->scan_error = mime_scan(content->mime, piece);
	return content->eightbit && content->scan_error != 0 ? content->scan_error : 1;
}

/* What comes of the next piece; the conversion may hold all of it back, and then the one after it is taken too. */
static int
content_next_converted(struct content *content, size_t most, struct slice *piece_r)
{
	struct slice piece;
	int error = 0;

	buffer_clear(&content->converted);
	while (error == 0 && buffer_length(&content->converted) == 0 && !content->finished) {
		error = content_next_plain(content, most, &piece);
		if (error != 0)
			return error;
		content->finished = piece.length == 0;
		if (content->finished)
			error = mime_finish(content->mime, &content->converted);
		else
			error = mime_convert(content->mime, piece, &content->converted);
	}
	*piece_r = buffer_slice(&content->converted);
	/* What the buffer has no room for is more than the conversion may make: it is broken. */
	return error == -ENOBUFS ? -EBADMSG : error;
}

int
content_next(struct content *content, size_t most, struct slice *piece_r)
{
	return content->mime == NULL ? content_next_plain(content, most, piece_r) : content_next_converted(content, most, piece_r);
}

const char *
content_problem(const struct content *content)
{
	return mime_problem(content->mime);
}

int
content_header_8bit(const struct content *content)
{
	size_t length = content->size < CONTENT_HEADER_MAX ? (size_t)content->size : CONTENT_HEADER_MAX;
	char *start = NULL;
	struct slice header;
	int result, error;

	if (content->file.fd < 0) {
		header = slice_first(content->memory, length);
	} else {
		start = malloc(CONTENT_HEADER_MAX);
		if (start == NULL)
			return -ENOMEM;
		error = durable_pread(content->file.fd, start, length, 0);
		if (error != 0) {
			free(start);
			return error == -ENODATA ? -EUCLEAN : error;
		}
		header = slice_of(start, length);
	}
	header = slice_first(header, header_length(header));
	result = header.length == CONTENT_HEADER_MAX || !mime_is_7bit(header);
	free(start);
	return result;
}

bool
content_may_be_8bit(const struct content *content)
{
	return content->file.fd >= 0 || !mime_is_7bit(content->memory);
}
