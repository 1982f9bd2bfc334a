/*
 * The body of a message on its way to the queue.
 */
#include "smtpd/body.h"

#include <unistd.h>

#include "common/io/durable.h"
#include "common/ipc/proto_submit.h"
#include "common/mail/mime.h"

enum {
	WRITE_UNIT = 64 * 1024, /* bytes that are worth a system call */
};

void
body_begin(struct body *body, size_t inline_limit)
{
	const size_t kept = inline_limit > WRITE_UNIT ? inline_limit : WRITE_UNIT;

	*body = (struct body){ .inline_limit = inline_limit, .fd = -1 };
	buffer_init(&body->memory, kept + MIME_OUTPUT_MAX(BODY_STEP) + SUBMIT_FIELDS_MAX);
}

void
body_end(struct body *body)
{
	buffer_free(&body->memory);
	if (body->fd >= 0)
		close(body->fd);
	body->fd = -1;
}

void
body_set_file(struct body *body, int fd)
{
	body->fd = fd;
}

int
body_spill(struct body *body, bool all)
{
	struct slice memory = buffer_slice(&body->memory);
	int error;

	if (body->fd < 0 || memory.length == 0 || (memory.length < WRITE_UNIT && !all))
		return 0;
	error = durable_write(body->fd, memory.data, memory.length);
	if (error != 0)
		return error;
	body_sums_add(&body->sums, body->written, memory);
	body->written += memory.length;
	buffer_clear(&body->memory);
	return 0;
}
