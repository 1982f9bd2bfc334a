/*
 * Asking tabled where an address leads.
 */
#include "queued/expand.h"

#include <errno.h>
#include <stdlib.h>

#include "common/ipc/link.h"

enum {
	ASK_TIMEOUT = 60 * 1000,   /* milliseconds */
	ASK_OUTPUT = 1024 * 1024,  /* unsent bytes */
	TARGET_LEAST = 1 + 4,      /* bytes of the shortest encoded target */
};

static bool
expand_parse_target(struct wire_reader *reader, struct expand_target *target_r)
{
	*target_r = (struct expand_target){ .kind = wire_get_u8(reader), .address = wire_get_slice(reader) };
	if (target_r->kind == TABLE_TARGET_MAILBOX) {
		target_r->path = wire_get_slice(reader);
		target_r->quota = wire_get_u64(reader);
		target_r->folder = wire_get_slice(reader);
	} else if (route_get(reader, &target_r->route)) {
		target_r->backup = wire_get_u8(reader) != 0;
	}
	return !reader->bad && target_r->kind <= TABLE_TARGET_REMOTE && target_r->address.length > 0 &&
	       target_r->address.length <= TABLE_ADDRESS_MAX && target_r->path.length < TABLE_PATH_MAX &&
	       target_r->folder.length < TABLE_FOLDER_MAX;
}

int
expand_parse(struct wire_reader *reader, struct expand_answer *answer_r)
{
	*answer_r = (struct expand_answer){ .class = wire_get_u8(reader) };
	if (reader->bad || answer_r->class > TABLE_TEMPORARY)
		return -EPROTO;
	if (answer_r->class > TABLE_REMOTE)
		return wire_done(reader) ? 0 : -EPROTO;
	answer_r->count = wire_get_u32(reader);
	if (answer_r->count > TABLE_TARGETS_MAX || answer_r->count > wire_left(reader) / TARGET_LEAST)
		return -EPROTO;
	answer_r->targets = calloc(answer_r->count == 0 ? 1 : answer_r->count, sizeof(answer_r->targets[0]));
	if (answer_r->targets == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < answer_r->count; i++)
		if (!expand_parse_target(reader, &answer_r->targets[i]))
			reader->bad = true;
	if (wire_done(reader))
		return 0;
	expand_answer_free(answer_r);
	return -EPROTO;
}

void
expand_answer_free(struct expand_answer *answer)
{
	free(answer->targets);
	answer->targets = NULL;
}

/* ---- over a link ---- */

struct expand_link {
	struct expander expander; /* first */
	struct link *link;
	void (*up)(void *context);
	void *context;
};

struct question {
	expand_answered *answered;
	void *context;
};

static int
expand_on_reply(void *context, int status, struct channel_frame *frame)
{
	struct question question = *(struct question *)context;
	struct expand_answer answer = { .status = status };
	int error = 0;

	free(context);
	if (status == 0 && frame->type != TABLE_EXPAND_REPLY)
		error = -EPROTO;
	else if (status == 0)
		error = expand_parse(&frame->body, &answer);
	if (error != 0)
		answer = (struct expand_answer){ .status = error };
	question.answered(question.context, &answer);
	expand_answer_free(&answer);
	return error == -EPROTO ? error : 0;
}

static int
expand_link_ask(struct expander *expander, struct slice address, expand_answered *answered, void *context)
{
	struct expand_link *expand = (struct expand_link *)(void *)expander;
	struct question *question = malloc(sizeof(*question));
	struct wire_writer writer;
	int error;

	if (question == NULL)
		return -ENOMEM;
	*question = (struct question){ answered, context };
	writer = link_begin(expand->link, TABLE_EXPAND, -1);
	if (writer.out != NULL)
		wire_put_slice(&writer, address);
	error = link_send(expand->link, &writer, expand_on_reply, question, NULL);
	if (error != 0)
		free(question);
	return error;
}

static void
expand_link_up(struct link *link, void *context)
{
	struct expand_link *expand = context;

	(void)link;
	expand->up(expand->context);
}

static const struct link_protocol protocol = {
	.channel = "tabled-queued",
	.timeout_ms = ASK_TIMEOUT,
	.input_limit = TABLE_FRAME_MAX,
	.output_limit = ASK_OUTPUT,
	.secret = true, /* routes have passwords */
	.up = expand_link_up,
};

struct expander *
expand_link_new(struct process *process, void (*up)(void *context), void *context)
{
	struct expand_link *expand = calloc(1, sizeof(*expand));

	if (expand == NULL)
		return NULL;
	expand->expander.ask = expand_link_ask;
	expand->up = up;
	expand->context = context;
	expand->link = link_new(process, &protocol, expand);
	if (expand->link == NULL) {
		free(expand);
		return NULL;
	}
	return &expand->expander;
}
