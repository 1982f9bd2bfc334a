/*
 * dbtool: manages domains, users, aliases and routes. This file: from the command line to a call, and from its reply
 * to an exit code.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "tabled/dbtool.h"

enum {
	CALL_LIMIT = ADMIN_FRAME_MAX, /* bytes of a name or a record */
};

int
dbtool_fail(int status, const char *format, ...)
{
	char text[2 * ADMIN_MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	progress_end();
	fputs("dbtool: ", stderr);
	plain_string(stderr, slice_from_string(text));
	putc('\n', stderr);
	return status;
}

/* The command that the words mean, or NULL after saying what would be one. */
static const struct dbtool_command *
dbtool_find(struct dbtool *dbtool)
{
	char **words = dbtool->options.line.words;
	bool noun_known = false;

	for (const struct dbtool_command *command = dbtool_commands; command->noun != NULL; command++) {
		int used = command->verb == NULL ? 1 : 2;

		if (strcmp(words[0], command->noun) != 0)
			continue;
		noun_known = true;
		if (command->verb != NULL &&
		    (dbtool->options.line.word_count < 2 || strcmp(words[1], command->verb) != 0))
			continue;
		dbtool->arguments = words + used;
		dbtool->argument_count = dbtool->options.line.word_count - used;
		return command;
	}
	if (!noun_known)
		dbtool_fail(EX_USAGE, "there is no command \"%s\"; see: dbtool --help", words[0]);
	else if (dbtool->options.line.word_count < 2)
		dbtool_fail(EX_USAGE, "what about the %s? See: dbtool --help", words[0]);
	else
		dbtool_fail(EX_USAGE, "there is no command \"%s %s\"; see: dbtool --help", words[0],
		            words[1]);
	return NULL;
}

static int
dbtool_check_usage(const struct dbtool *dbtool)
{
	const struct dbtool_command *command = dbtool->command;
	const char *space = command->verb == NULL ? "" : " ";
	const char *verb = command->verb == NULL ? "" : command->verb;

	if (dbtool->argument_count < command->minimum || dbtool->argument_count > command->maximum)
		return dbtool_fail(EX_USAGE, "usage: dbtool %s%s%s %s", command->noun, space, verb,
		                   command->arguments);
	if ((dbtool->options.line.given & ~command->options) != 0)
		return dbtool_fail(EX_USAGE, "an option does not belong to \"%s%s%s\"; see: dbtool --help",
		                   command->noun, space, verb);
	return 0;
}

static int
dbtool_exit_code(const struct dbtool *dbtool)
{
	switch (dbtool->reply.status) {
	case ADMIN_OK:
		return EX_OK;
	case ADMIN_NOT_FOUND:
		if (dbtool->call.noun == ADMIN_DOMAIN || dbtool->call.noun == ADMIN_ROUTE || dbtool->call.verb == ADMIN_LIST)
			return EX_NOHOST;
		return EX_NOUSER;
	case ADMIN_EXISTS:
		return EX_CANTCREAT;
	case ADMIN_TEMPORARY:
		return EX_TEMPFAIL;
	default:
		return EX_DATAERR;
	}
}

static int
dbtool_prepare(struct dbtool *dbtool)
{
	const struct dbtool_command *command = dbtool->command;
	unsigned given = dbtool->options.line.given;
	int status = 0;

	dbtool->call.noun = command->call_noun;
	dbtool->call.verb = command->call_verb;
	dbtool->call.fields = command->call_fields;
	dbtool->call.flags |= (given & OPTION_IF_EXISTS) != 0 ? ADMIN_IF_EXISTS : 0U;
	dbtool->call.flags |= (given & OPTION_IF_NOT_EXISTS) != 0 ? ADMIN_IF_NOT_EXISTS : 0U;
	dbtool->call.flags |= (given & OPTION_RECURSIVE) != 0 ? ADMIN_RECURSIVE : 0U;
	if (command->prepare != NULL)
		status = command->prepare(dbtool);
	dbtool->call.name = buffer_slice(&dbtool->name);
	dbtool->call.record = buffer_slice(&dbtool->record);
	dbtool->call.secret = buffer_slice(&dbtool->secret);
	return status;
}

/* Shows the reply. */
static int
dbtool_finish(struct dbtool *dbtool)
{
	int status;

	if (dbtool->reply.status != ADMIN_OK)
		return dbtool_fail(dbtool_exit_code(dbtool), "%s", dbtool->reply.message);
	if (dbtool->command->show != NULL) {
		status = dbtool->command->show(dbtool);
	} else {
		status = EX_OK;
		if (!dbtool->options.line.quiet && dbtool->reply.message[0] != '\0') {
			plain_string(stdout, slice_from_string(dbtool->reply.message));
			putchar('\n');
		}
	}
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == EX_OK)
		status = dbtool_fail(EX_IOERR, "standard output: %s", strerror(errno));
	return status;
}

static int
dbtool_load_config(struct dbtool *dbtool)
{
	char error[CONFIG_ERROR_MAX];
	int result = config_load(&dbtool->config, dbtool->options.line.config, NULL, NULL, error);

	return result == 0 ? 0 : dbtool_fail(result == -EINVAL ? EX_CONFIG : EX_NOINPUT, "%s", error);
}

static int
dbtool_main(struct dbtool *dbtool)
{
	int status;

	if (dbtool->options.line.word_count == 0)
		return dbtool_fail(EX_USAGE, "what is to be done? See: dbtool --help");
	dbtool->command = dbtool_find(dbtool);
	if (dbtool->command == NULL)
		return EX_USAGE;
	status = dbtool_check_usage(dbtool);
	if (status == 0)
		status = dbtool_load_config(dbtool);
	if (status != 0)
		return status;
	dbtool->file = memfd_create("dbtool", MFD_CLOEXEC);
	if (dbtool->file == -1)
		return dbtool_fail(EX_OSERR, "no memory for the call: %s", strerror(errno));
	status = dbtool_prepare(dbtool);
	if (status == 0)
		status = dbtool_run(dbtool);
	progress_end();
	return status != 0 ? status : dbtool_finish(dbtool);
}

int
main(int argc, char **argv)
{
	static struct dbtool dbtool;
	int status;

	dbtool.file = -1;
	buffer_init(&dbtool.name, CALL_LIMIT);
	buffer_init(&dbtool.record, CALL_LIMIT);
	buffer_init(&dbtool.secret, TABLE_PASSWORD_MAX);
	status = options_parse(argc, argv, &dbtool.options);
	if (status == 0 && dbtool.options.line.help)
		dbtool_help(stdout);
	else if (status == 0)
		status = dbtool_main(&dbtool);
	buffer_free(&dbtool.name);
	if (dbtool.record.data != NULL) /* it may hold the password of a route */
		explicit_bzero(dbtool.record.data, dbtool.record.size);
	buffer_free(&dbtool.record);
	if (dbtool.secret.data != NULL)
		explicit_bzero(dbtool.secret.data, dbtool.secret.size);
	buffer_free(&dbtool.secret);
	if (dbtool.file != -1)
		close(dbtool.file);
	return status;
}
