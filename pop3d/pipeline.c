/*
 * Looks for RETR in what a client has sent, and has their messages read.
 */
#include "pop3d/pipeline.h"

#include <errno.h>

#include "common/base/log.h"
#include "pop3d/reader.h"
#include "pop3d/session.h"

enum {
	SHORTEST = sizeof("RETR 1\n") - 1, /* bytes of a command */
};

struct retrievals {
	uint32_t messages[READER_FILES_MAX];
	uint32_t count;
	size_t memory; /* bytes that they take */
};

/* Made when it is needed. NULL: there is none. */
static struct reader *
worker_reader(struct session_worker *worker)
{
	int error;

	if (worker->reader != NULL || worker->no_reader)
		return worker->reader;
	error = reader_new(&worker->reader);
	if (error != 0) {
		log_event(LOG_WARNING, "pop3.no_reader", LOG_ERROR(error));
		worker->no_reader = true;
	}
	return worker->reader;
}

/* Whether COMMAND is a RETR, as far as can be said now, of a message that can be read in one go. */
static bool
wants_message(const struct session *session, const struct command *command, uint32_t *message_r)
{
	struct slice argument = command->argument;
	uint64_t number;

	if (!slice_equal_nocase(SLICE("RETR"), command->verb) || command_number(&argument, &number) != 0 || number < 1 ||
	    number > maildrop_count(session->maildrop))
		return false;
	*message_r = (uint32_t)number - 1;
	return fetch_room(session, *message_r) > 0 && !maildrop_deleted(session->maildrop, *message_r) &&
	       ahead_find(session, *message_r) == NULL;
}

/* A byte more than the message has octets shows a file that is longer. */
static size_t
wanted_size(const struct session *session, uint32_t message)
{
	return (size_t)maildrop_octets(session->maildrop, message) + 1;
}

/* As many as the reader takes. Returns the bytes of the commands that were looked at. */
static size_t
find_retrievals(const struct session *session, struct slice input, struct retrievals *retrievals_r)
{
	bool skipping = session->skipping;
	size_t seen = 0;

	retrievals_r->count = 0;
	retrievals_r->memory = 0;
	while (seen < input.length && retrievals_r->count < READER_FILES_MAX) {
		struct command command;
		enum command_result result;
		size_t length = command_next(slice_from(input, seen), &skipping, &command, &result);
		uint32_t message;

		if (result == COMMAND_NONE)
			break;
		if (result == COMMAND_READY && wants_message(session, &command, &message)) {
			size_t size = wanted_size(session, message);

			if (size > READER_MEMORY - retrievals_r->memory)
				break;
			retrievals_r->memory += size;
			retrievals_r->messages[retrievals_r->count++] = message;
		}
		seen += length;
	}
	return seen;
}

size_t
pipeline_plan(struct session *session, struct slice input)
{
	struct retrievals retrievals;
	struct reader *reader;
	size_t seen;

	if (input.length < PIPELINE_MIN * SHORTEST)
		return input.length;
	seen = find_retrievals(session, input, &retrievals);
	if (retrievals.count < PIPELINE_MIN)
		return seen;
	reader = worker_reader(session->worker);
	if (reader == NULL || reader_busy(reader))
		return seen;
	reader_begin(reader, session);
	/* Those that cannot be listed are not found either. */
	for (uint32_t i = 0; i < retrievals.count; i++)
		reader_add(reader, session->maildrop, retrievals.messages[i], wanted_size(session, retrievals.messages[i]));
	reader_go(reader);
	return seen;
}

/* NULL: MESSAGE is not on a list of this session. */
static struct reader_file *
find_file(const struct session *session, uint32_t message)
{
	struct reader *reader = session->worker->reader;

	return reader == NULL ? NULL : reader_find(reader, session, message);
}

bool
pipeline_help(const struct session *session, uint32_t message)
{
	const struct reader_file *file = find_file(session, message);

	return file != NULL && !reader_has_read(file) && reader_help(session->worker->reader);
}

ssize_t
pipeline_use(const struct session *session, uint32_t message, const char **bytes_r)
{
	const struct reader_file *file = find_file(session, message);

	return file == NULL ? -EAGAIN : reader_use(session->worker->reader, file, bytes_r);
}

void
pipeline_end(const struct session *session)
{
	if (session->worker->reader != NULL)
		reader_forget(session->worker->reader, session);
}
