/*
 * The channels of a role: those that it asks its parent for, and those that siblings open to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/proc/process_state.h"

int
process_request_channel(struct process *process, const char *name, void (*received)(void *context, int fd), void *context)
{
	struct process_question *question = malloc(sizeof(*question));
	struct wire_writer writer;
	int error;

	if (question == NULL)
		return -ENOMEM;
	if (++process->last_request == 0)
		process->last_request = 1;
	*question = (struct process_question){ .request = process->last_request, .received = received, .context = context };
	writer = channel_begin(process->control, CONTROL_ASK, question->request, -1);
	wire_put_string(&writer, name);
	error = channel_send(process->control, &writer);
	if (error != 0) {
		free(question);
		return error;
	}
	TAILQ_INSERT_TAIL(&process->questions, question, next);
	return 0;
}

static int
process_answer(struct process *process, uint32_t request, int fd)
{
	struct process_question *question;

	TAILQ_FOREACH(question, &process->questions, next) {
		if (question->request != request)
			continue;
		TAILQ_REMOVE(&process->questions, question, next);
		question->received(question->context, fd);
		free(question);
		return 0;
	}
	return -EPROTO;
}

int
process_on_answer(struct channel *channel, void *context, struct channel_frame *frame)
{
	int fd = frame->fd;

	(void)channel;
	frame->fd = -1;
	return process_answer(context, frame->request, fd);
}

int
process_on_refused(struct channel *channel, void *context, struct channel_frame *frame)
{
	uint32_t error = wire_get_u32(&frame->body);

	(void)channel;
	return process_answer(context, frame->request, error == 0 || error > 4095 ? -EIO : -(int)error);
}

void
process_on_channel(struct process *process, const char *name, void (*callback)(void *context, int fd), void *context)
{
	if (process->expected_count < PROCESS_EXPECTED_MAX)
		process->expected[process->expected_count++] =
			(struct process_expected){ .name = name, .callback = callback, .context = context };
}

int
process_on_incoming(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONTROL_NAME_MAX];

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	for (size_t i = 0; i < process->expected_count; i++) {
		int fd = frame->fd;

		if (strcmp(process->expected[i].name, name) != 0)
			continue;
		frame->fd = -1;
		process->expected[i].callback(process->expected[i].context, fd);
		return 0;
	}
	return 0;
}
