/*
 * A program's call to a service, over the service's admin socket: one frame with the descriptor of a file, answered by frames. What there is
 * much of stands in the file, as frames too. Blocking, with a deadline for every step.
 */
#ifndef ANGARIUM_IPC_CALL_H
#define ANGARIUM_IPC_CALL_H

#include "common/ipc/wire.h"

enum { CALL_ANSWER_MS = 20000 }; /* between two signs of life; a service that was killed is back sooner */

/* Gets each frame of the answer, or of the file. 0: go on. In an answer 1: that was the last one. Negative: broken off. */
typedef int call_frame(void *context, const struct wire_header *header, struct slice payload);

struct call {
	const char *directory; /* run_directory */
	const char *socket;    /* "tabled-admin" */
	int file;              /* goes with the call; not closed */
	size_t frame_max;      /* bytes of the largest payload of an answer */
	int answer_ms;         /* CALL_ANSWER_MS; -1: for ever */
	call_frame *frame;
	void *context;
};

/*
 * Sends FRAME, a whole one that announces a descriptor, and reads until the last frame of the answer. 0 or a negative errno value: -ENOENT or
 * -ECONNREFUSED (the service does not run), -ECONNRESET (it went away), -ETIMEDOUT, -EBUSY, or what call->frame returned.
 */
int call_run(const struct call *call, struct slice frame);

/* Goes through the frames in a call's file. 0, -EPROTO, or what EACH returned. */
int call_read_file(int file, size_t frame_max, call_frame *each, void *context);

#endif
