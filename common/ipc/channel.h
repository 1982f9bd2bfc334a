/*
 * A channel: frames in both directions over one connected UNIX stream socket, in an event loop.
 *
 * The other end is not trusted beyond its role. Each channel has one table of handlers; a frame whose type is not in
 * it, or not in it for the channel's present state, or whose handler returns an error, closes the channel and is logged.
 */
#ifndef ANGARIUM_IPC_CHANNEL_H
#define ANGARIUM_IPC_CHANNEL_H

#include <event2/event.h>
#include <stdint.h>

#include "common/ipc/wire.h"

struct channel;

/* One frame as a handler sees it. */
struct channel_frame {
	uint16_t type;
	uint32_t request;
	struct wire_reader body; /* read fields from it; the bytes live until the handler returns */
	int fd;                  /* the frame's descriptor or -1; a handler that keeps it sets this to -1, else it is closed */
};

struct channel_handler {
	uint16_t type;
	uint32_t states;  /* bit 1 << state for each state in which the type is allowed; CHANNEL_ANY for all */
	bool descriptor;  /* the frame must carry a descriptor (others must not) */
	/*
	 * 0, or a negative errno value when the frame breaks the protocol: the channel is then closed. Must have read all fields;
	 * channel.c checks wire_done(&frame->body) after a 0. May call channel_close on its own channel.
	 */
	int (*handle)(struct channel *channel, void *context, struct channel_frame *frame);
};

#define CHANNEL_ANY UINT32_MAX

enum { CHANNEL_PEERS_MAX = 300 }; /* the copies that a role may have (256), and some that are just being replaced */

/* How many channels of one kind there are, and may be: a peer in an intruder's hands must not use up our descriptors. */
struct channel_count {
	unsigned now;
	unsigned most;
};

struct channel_protocol {
	const char *name; /* for the log, such as "tabled-smtpd" */
	struct channel_count *count; /* optional: channel_new fails when there are so many */
	const struct channel_handler *handlers;
	size_t handler_count;
	/* Optional: takes every frame instead of the table, and checks its type and descriptor itself. Used by link.c. */
	int (*any)(struct channel *channel, void *context, struct channel_frame *frame);
	size_t input_limit;  /* the largest payload accepted, bytes */
	bool secret;         /* what was sent and what was received is wiped from memory */
	size_t output_limit; /* unsent bytes after which sending fails with -ENOBUFS */
	/* The channel is gone (end of file, error, or broken protocol; ERROR is 0 or negative). It is freed after the call. Not called by channel_close. */
	void (*closed)(struct channel *channel, void *context, int error);
	/* Optional: called after the output has become empty. */
	void (*drained)(struct channel *channel, void *context);
	/* Optional: called after all frames of one read were handled; a place to send what was gathered. */
	void (*batch_done)(struct channel *channel, void *context);
};

/*
 * Finds the handler of FRAME among COUNT HANDLERS and calls it: 0, or -ENOSYS (unknown type), -EPERM (not in this state), -EBADF
 * (descriptor missing or unexpected), or the handler's error. For the ANY callback.
 */
int channel_dispatch(struct channel *channel, const struct channel_handler *handlers, size_t count, void *context,
                     struct channel_frame *frame);

/*
 * Takes FD (made non-blocking) in any case. PROTOCOL must outlive the channel. NULL when out of memory or when
 * there are too many (FD is closed).
 */
struct channel *channel_new(struct event_base *base, int fd, const struct channel_protocol *protocol, void *context);
/* Closes and frees; allowed inside a handler of the same channel. Sets *channel to NULL. */
void channel_close(struct channel **channel);

void channel_set_state(struct channel *channel, unsigned state); /* 0 to 31; starts at 0 */
/* Bytes waiting to be sent. */
size_t channel_unsent(const struct channel *channel);
/* Stops and resumes reading from the peer (back-pressure). */
void channel_pause(struct channel *channel);
void channel_resume(struct channel *channel);

/*
 * Sending: begin, put fields, send. Frames are gathered and written at the end of the loop's turn.
 * channel_begin with no descriptor: fd -1. With one, the channel owns FD from here on and closes it after it was sent (also on error).
 */
struct wire_writer channel_begin(struct channel *channel, uint16_t type, uint32_t request, int fd);
/* 0, -ENOBUFS over the output limit, -ENOMEM, -EPIPE when the channel is already broken. */
int channel_send(struct channel *channel, struct wire_writer *writer);

#endif
