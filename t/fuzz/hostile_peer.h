/*
 * A peer on a channel in an intruder's hands, driven by a fuzzer's input: well-formed frames of any type with any fields, malformed ones,
 * descriptors that were announced and are missing or were not announced and are there, and bytes that are no frame at all.
 */
#ifndef ANGARIUM_T_FUZZ_HOSTILE_PEER_H
#define ANGARIUM_T_FUZZ_HOSTILE_PEER_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/ipc/passing.h"
#include "common/ipc/wire.h"

enum {
	HOSTILE_TYPES = 24,     /* more than any protocol has */
	HOSTILE_FIELDS = 8,     /* of one frame */
	HOSTILE_FRAME = 64 * 1024,
};

/* The fuzzer's input, taken from its beginning. */
static inline uint8_t
hostile_byte(struct slice *input)
{
	uint8_t byte = 0;

	if (input->length > 0) {
		byte = (uint8_t)input->data[0];
		*input = slice_from(*input, 1);
	}
	return byte;
}

static inline struct slice
hostile_bytes(struct slice *input)
{
	struct slice bytes = slice_first(slice_from(*input, 1), hostile_byte(input));

	*input = slice_from(*input, bytes.length);
	return bytes;
}

/* FD is closed; -1: none. What the channel does not take at once is lost. */
static inline void
hostile_send(int peer, struct slice bytes, int fd)
{
	if (passing_send(peer, bytes, fd) < 0)
		(void)peer; /* the channel is closed or full: both are what may happen */
	if (fd >= 0)
		close(fd);
}

/* WORDS are texts that mean something to the receiver. */
static inline void
hostile_fields(struct slice *input, struct wire_writer *writer, const struct slice *words, size_t count)
{
	for (int left = hostile_byte(input) % HOSTILE_FIELDS; left > 0; left--) {
		uint8_t kind = hostile_byte(input);

		switch (kind % 5) {
		case 0:
			wire_put_u8(writer, kind / 5);
			break;
		case 1:
			wire_put_u32(writer, (uint32_t)(kind / 5) << (kind % 3 * 12));
			break;
		case 2:
			wire_put_u64(writer, (uint64_t)(kind / 5) << (kind % 3 * 28));
			break;
		case 3:
			wire_put_slice(writer, hostile_bytes(input));
			break;
		case 4:
			wire_put_slice(writer, words[kind / 5 % count]);
			break;
		}
	}
}

/*
 * One frame or what resembles one. FD is what may go with it, closed in any case; ANNOUNCED and SENT say what is said and done about it.
 */
static inline void
hostile_frame(int peer, struct slice *input, const struct slice *words, size_t count, int fd)
{
	uint8_t type = hostile_byte(input);
	uint8_t how = hostile_byte(input);
	bool announced = (how & 1) != 0;
	bool sent = (how & 2) != 0 ? !announced : announced;
	struct buffer out;
	struct wire_writer writer;

	buffer_init(&out, HOSTILE_FRAME);
	writer = wire_begin(&out, type % HOSTILE_TYPES, announced ? WIRE_DESCRIPTOR : 0, how >> 4);
	hostile_fields(input, &writer, words, count);
	if (!sent) {
		close(fd);
		fd = -1;
	}
	/* Some are cut off, and some go on with anything. */
	if (wire_end(&writer) == 0)
		hostile_send(peer, slice_first(buffer_slice(&out), (how & 12) == 12 ? type : HOSTILE_FRAME), fd);
	else if (fd >= 0)
		close(fd);
	if ((how & 12) == 8)
		hostile_send(peer, hostile_bytes(input), -1);
	buffer_free(&out);
}

#endif
