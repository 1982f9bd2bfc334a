/*
 * queuetool: shows and steers the queue. This file: from the command line to a call, and from its reply to an exit code.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/ipc/call.h"
#include "common/mail/queueid.h"
#include "queued/queuetool.h"

enum { FAIL_TEXT = 1024 }; /* bytes */

int
tool_fail(int status, const char *format, ...)
{
	char text[FAIL_TEXT];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fputs("queuetool: ", stderr);
	plain_string(stderr, slice_from_string(text));
	putc('\n', stderr);
	return status;
}

bool
tool_wants_json(const struct tool *tool)
{
	return (tool->options.line.given & OPTION_JSON) != 0;
}

/* ---- the call ---- */

/* 1 when it was the reply, 0 when there is more to come, or a negative errno value. */
static int
tool_frame(void *context, const struct wire_header *header, struct slice payload)
{
	struct tool *tool = context;
	struct wire_reader reader = wire_read(payload);
	struct queue_happening happening;

	switch (header->type) {
	case QUEUE_REPLY:
		return queue_reply_get(&reader, &tool->reply) ? 1 : -EPROTO;
	case QUEUE_PROGRESS:
		/* When a message is followed, this says that what has happened until now is in the file. */
		return (tool->options.line.given & OPTION_FOLLOW) != 0 && tool_show_trace(tool) != 0 ? -EPROTO : 0;
	case QUEUE_EVENT:
		if (!queue_happening_get(&reader, &happening))
			return -EPROTO;
		tool_show_event(tool, &happening);
		return 0;
	default:
		return -EPROTO;
	}
}

static int
tool_explain(const struct tool *tool, int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
		return tool_fail(EX_UNAVAILABLE, "queued does not run, as far as %s shows", tool->config.run_directory);
	case -EACCES:
	case -EPERM:
		return tool_fail(EX_NOPERM, "only root may see or steer the queue");
	case -ECONNRESET:
		return tool_fail(EX_TEMPFAIL, "queued went away, or does not talk to this user; look what was done");
	case -ETIMEDOUT:
		return tool_fail(EX_TEMPFAIL, "queued does not answer; look what was done");
	case -EPROTO:
		return tool_fail(EX_SOFTWARE, "queued's answer is malformed");
	default:
		return tool_fail(EX_TEMPFAIL, "%s", strerror(-error));
	}
}

/* Does the call. 0 or a sysexits(3) code. */
static int
tool_run(struct tool *tool)
{
	const struct call call = {
		.directory = tool->config.run_directory,
		.socket = "queued-admin",
		.file = tool->file,
		.frame_max = QUEUE_FRAME_MAX,
		.answer_ms = (tool->options.line.given & OPTION_FOLLOW) != 0 ? -1 : CALL_ANSWER_MS,
		.frame = tool_frame,
		.context = tool,
	};
	struct wire_writer writer;
	struct buffer frame;
	int error;

	buffer_init(&frame, QUEUE_FRAME_MAX + WIRE_HEADER_SIZE);
	writer = wire_begin(&frame, QUEUE_CALL, WIRE_DESCRIPTOR, 1);
	queue_call_put(&writer, &tool->call, tool->ids);
	error = wire_end(&writer);
	if (error == 0)
		error = call_run(&call, buffer_slice(&frame));
	buffer_free(&frame);
	return error == 0 ? 0 : tool_explain(tool, error);
}

/* ---- from the command line ---- */

static const struct tool_command *
tool_find(const char *verb)
{
	for (const struct tool_command *command = tool_commands; command->verb != NULL; command++)
		if (strcmp(command->verb, verb) == 0)
			return command;
	return NULL;
}

static int
tool_take_ids(struct tool *tool)
{
	int count = tool->options.line.word_count - 1;

	for (int i = 0; i < count; i++) {
		const char *word = tool->options.line.words[i + 1];

		if (queueid_parse(slice_from_string(word), &tool->ids[i]) != 0)
			return tool_fail(EX_USAGE, "\"%s\" is no queue id", word);
	}
	tool->call.id_count = (uint32_t)count;
	return 0;
}

static int
tool_check_usage(const struct tool *tool)
{
	const struct tool_command *command = tool->command;
	int count = tool->options.line.word_count - 1;
	bool chosen = (tool->options.line.given & (OPTION_FILTER | OPTION_ALL)) != 0;

	if (count > command->ids_most || (count < command->ids_least && !chosen))
		return tool_fail(EX_USAGE, "usage: queuetool %s %s", command->verb, command->arguments);
	if ((tool->options.line.given & ~command->options) != 0)
		return tool_fail(EX_USAGE, "an option does not belong to \"%s\"; see: queuetool --help", command->verb);
	if (count > 0 && chosen)
		return tool_fail(EX_USAGE, "queue ids, or options that choose messages: not both");
	return 0;
}

static void
tool_fill_call(struct tool *tool)
{
	const struct tool_options *options = &tool->options;
	bool content = (options->line.given & OPTION_CONTENT) != 0;

	tool->call.verb = tool->command->call_verb;
	tool->call.flags = ((options->line.given & OPTION_ALL) != 0 ? QUEUE_ALL : 0U) |
	                   ((options->line.given & OPTION_FOLLOW) != 0 ? QUEUE_FOLLOW : 0U) |
	                   (content ? (options->message ? QUEUE_MESSAGE : QUEUE_HEADERS) : 0U);
	tool->call.sender = slice_from_string(options->sender);
	tool->call.recipient = slice_from_string(options->recipient);
	tool->call.domain = slice_from_string(options->domain);
	tool->call.older = options->older;
	tool->call.newer = options->newer;
}

static int
tool_load_config(struct tool *tool)
{
	char error[CONFIG_ERROR_MAX];
	int result = config_load(&tool->config, tool->options.line.config, NULL, NULL, error);

	return result == 0 ? 0 : tool_fail(result == -EINVAL ? EX_CONFIG : EX_NOINPUT, "%s", error);
}

/* ---- to the exit code ---- */

static void
tool_report_count(const struct tool *tool)
{
	uint64_t count = tool->reply.count;

	if (tool_wants_json(tool))
		printf("{\"%s\": %ju}\n", tool->command->done, (uintmax_t)count);
	else if (!tool->options.line.quiet)
		printf("%ju message%s %s\n", (uintmax_t)count, count == 1 ? "" : "s", tool->command->done);
}

static int
tool_finish(struct tool *tool)
{
	int status = EX_OK;

	if (tool->command->show != NULL)
		status = tool->command->show(tool);
	else
		tool_report_count(tool);
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == EX_OK)
		status = tool_fail(EX_IOERR, "standard output: %s", strerror(errno));
	if (status != EX_OK)
		return status;
	switch (tool->reply.status) {
	case QUEUE_OK:
		return EX_OK;
	case QUEUE_NOT_FOUND:
		return tool_fail(EX_DATAERR, "%s", "there is no such message in the queue");
	case QUEUE_INVALID:
		return tool_fail(EX_USAGE, "%s", tool->reply.message);
	case QUEUE_TEMPORARY:
		break;
	}
	return tool_fail(EX_TEMPFAIL, "%s", tool->reply.message);
}

static int
tool_main(struct tool *tool)
{
	int status;

	if (tool->options.line.word_count == 0)
		return tool_fail(EX_USAGE, "what is to be done? See: queuetool --help");
	tool->command = tool_find(tool->options.line.words[0]);
	if (tool->command == NULL)
		return tool_fail(EX_USAGE, "there is no command \"%s\"; see: queuetool --help", tool->options.line.words[0]);
	status = tool_check_usage(tool);
	if (status == 0)
		status = tool_take_ids(tool);
	if (status == 0)
		status = tool_load_config(tool);
	if (status != 0)
		return status;
	tool_fill_call(tool);
	tool->file = memfd_create("queuetool", MFD_CLOEXEC);
	if (tool->file == -1)
		return tool_fail(EX_OSERR, "no memory for the call: %s", strerror(errno));
	status = tool_run(tool);
	return status != 0 ? status : tool_finish(tool);
}

int
main(int argc, char **argv)
{
	static struct tool tool = { .file = -1 };
	int status = tool_options(argc, argv, &tool.options);

	if (status == 0 && tool.options.line.help)
		tool_help(stdout);
	else if (status == 0)
		status = tool_main(&tool);
	if (tool.file != -1)
		close(tool.file);
	return status;
}
