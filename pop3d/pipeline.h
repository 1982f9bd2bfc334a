/*
 * Pipelined RETR: when more commands have arrived than one, the messages that they ask for are read ahead with a second pair of hands
 * (pop3d/reader.h), which is made when the first client pipelines.
 *
 * Commands are carried out one by one as ever, and whatever one of them changes holds for the next. What was read ahead is only bytes of a file: they are
 * used when their message is asked for, in this session, and is not deleted. If they are not what the message's name tells, or could not be read,
 * it is as if nothing had been read.
 *
 * The list that was handed over stays a session's own while anything of it is still to be read. After that another session that pipelines may
 * take its place; what was not used yet is read again then.
 */
#ifndef ANGARIUM_POP3D_PIPELINE_H
#define ANGARIUM_POP3D_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/slice.h"

struct session;

enum {
	PIPELINE_MIN = 4, /* messages that are worth waking a thread */
};

/* INPUT's whole commands are next. Returns the bytes of those that have been seen to: not to be asked again before they are carried out. */
size_t pipeline_plan(struct session *session, struct slice input);
/* MESSAGE is wanted, and is being read. True: another one was read meanwhile, ask again; false: it is there, or is not being read. */
bool pipeline_help(const struct session *session, uint32_t message);
/* What was read of MESSAGE, at most a byte more than its octets: bytes, at *bytes_r until the next command, or a negative errno value. */
ssize_t pipeline_use(const struct session *session, uint32_t message, const char **bytes_r);
/* Before the maildrop is closed. */
void pipeline_end(const struct session *session);

#endif
