/*
 * Questions to the resolver, over a link to the sibling role.
 */
#include "relayd/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/tree.h>

#include "common/ipc/link.h"

enum {
	ANSWER_TIMEOUT_MS = 90 * 1000, /* longer than the resolver takes for any question: only a resolver that hangs */
	OUTPUT_MAX = 4 * 1024 * 1024,  /* bytes: RESOLVE_ASKED_MAX questions fit */
};

struct asked {
	RB_ENTRY(asked) node;
	uint32_t ticket; /* the link's request id */
	struct resolve *resolve;
	resolve_answered *answered;
	void *context;
};

RB_HEAD(asked_tree, asked);

struct resolve {
	struct link *link;
	struct asked_tree asked;
	unsigned count;
};

static int
asked_compare(struct asked *a, struct asked *b)
{
	return (a->ticket > b->ticket) - (a->ticket < b->ticket);
}

RB_PROTOTYPE(asked_tree, asked, node, asked_compare)
RB_GENERATE(asked_tree, asked, node, asked_compare)

static void
asked_free(struct asked *asked)
{
	RB_REMOVE(asked_tree, &asked->resolve->asked, asked);
	asked->resolve->count--;
	free(asked);
}

static const struct link_protocol protocol = {
	.channel = "resolver",
	.timeout_ms = ANSWER_TIMEOUT_MS,
	.input_limit = RESOLVE_FRAME_MAX,
	.output_limit = OUTPUT_MAX,
};

/* The answer when there is none. NULL when out of memory. */
static struct resolve_answer *
answer_temporary(const char *text)
{
	struct resolve_answer *answer = calloc(1, sizeof(*answer));

	if (answer == NULL)
		return NULL;
	answer->result = RESOLVE_TEMPORARY;
	strlcpy(answer->text, text, sizeof(answer->text));
	return answer;
}

static int
on_reply(void *context, int status, struct channel_frame *frame)
{
	struct asked asked = *(struct asked *)context;
	struct resolve_answer *answer = NULL;
	int error = 0;

	asked_free(context);
	if (status == 0)
		error = frame->type == RESOLVE_ANSWER ? resolve_answer_parse(&frame->body, &answer) : -EPROTO;
	if (answer == NULL) {
		if (frame != NULL)
			frame->body.next = frame->body.end;
		answer = answer_temporary("the resolver did not answer");
	}
	asked.answered(asked.context, answer);
	return error == -EPROTO ? error : 0;
}

struct resolve *
resolve_new(struct process *process)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (resolve == NULL)
		return NULL;
	RB_INIT(&resolve->asked);
	resolve->link = link_new(process, &protocol, resolve);
	if (resolve->link == NULL) {
		free(resolve);
		return NULL;
	}
	return resolve;
}

void
resolve_free(struct resolve **resolve_p)
{
	struct resolve *resolve = *resolve_p;

	*resolve_p = NULL;
	if (resolve == NULL)
		return;
	link_free(&resolve->link);
	free(resolve);
}

static int
send_question(struct resolve *resolve, const struct resolve_question *question, struct asked *asked)
{
	struct wire_writer writer = link_begin(resolve->link, RESOLVE_ASK, -1);

	wire_put_u8(&writer, (uint8_t)question->how);
	wire_put_string(&writer, question->name);
	wire_put_u32(&writer, question->port);
	wire_put_u8(&writer, question->dane);
	wire_put_u8(&writer, question->backup);
	return link_send(resolve->link, &writer, on_reply, asked, &asked->ticket);
}

int
resolve_ask(struct resolve *resolve, const struct resolve_question *question, resolve_answered *answered, void *context, uint32_t *ticket_r)
{
	struct asked *asked;
	int error;

	if (strlen(question->name) >= RESOLVE_TEXT_MAX)
		return -EINVAL;
	if (resolve->count >= RESOLVE_ASKED_MAX)
		return -ENOBUFS;
	asked = calloc(1, sizeof(*asked));
	if (asked == NULL)
		return -ENOMEM;
	*asked = (struct asked){ .resolve = resolve, .answered = answered, .context = context };
	error = send_question(resolve, question, asked);
	if (error != 0) {
		free(asked);
		return error;
	}
	resolve->count++;
	RB_INSERT(asked_tree, &resolve->asked, asked);
	if (ticket_r != NULL)
		*ticket_r = asked->ticket;
	return 0;
}

void
resolve_cancel(struct resolve *resolve, uint32_t ticket)
{
	struct asked key = { .ticket = ticket };
	struct asked *asked = RB_FIND(asked_tree, &resolve->asked, &key);

	if (asked == NULL)
		return;
	link_cancel(resolve->link, ticket);
	asked_free(asked);
}
