/*
 * Frames and typed fields: what goes over every channel between two processes of the suite.
 *
 * A frame is a header of 12 bytes (payload length u32, type u16, flags u16, request id u32), then the payload.
 * All numbers are little-endian. A string is a u32 length and its bytes.
 */
#ifndef ANGARIUM_IPC_WIRE_H
#define ANGARIUM_IPC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

enum {
	WIRE_HEADER_SIZE = 12,               /* bytes */
	WIRE_PAYLOAD_LIMIT = 16 * 1024 * 1024, /* bytes in one frame, without its header */
};

enum wire_flag {
	WIRE_DESCRIPTOR = 1, /* one descriptor travels with this frame (SCM_RIGHTS) */
};

struct wire_header {
	uint32_t length; /* of the payload, bytes */
	uint16_t type;
	uint16_t flags; /* enum wire_flag */
	uint32_t request;
};

/*
 * Writing. The error is kept: a failed put makes all later ones nothing, and wire_end returns it.
 */
struct wire_writer {
	struct buffer *out; /* borrowed */
	size_t begin;       /* length of OUT before this frame */
	int error;
};

/* Begins a frame at the end of OUT. Only one frame may be open on a buffer. */
struct wire_writer wire_begin(struct buffer *out, uint16_t type, uint16_t flags, uint32_t request);
void wire_put_u8(struct wire_writer *writer, uint8_t number);
void wire_put_u32(struct wire_writer *writer, uint32_t number);
void wire_put_u64(struct wire_writer *writer, uint64_t number);
void wire_put_slice(struct wire_writer *writer, struct slice s);
void wire_put_string(struct wire_writer *writer, const char *string);
/* Closes the frame. 0, -ENOBUFS (the buffer's limit or the payload limit), or -ENOMEM: the frame is then taken back. */
int wire_end(struct wire_writer *writer);
/* Takes an open frame back. */
void wire_cancel(struct wire_writer *writer);

/*
 * The same fields without a frame: for records on disk and values in a table.
 */
struct wire_writer wire_begin_bare(struct buffer *out);
int wire_end_bare(struct wire_writer *writer);

/*
 * Reading. A field that is missing or too long makes the reader bad, and this and each later get returns zero or the empty slice;
 * check once at the end with wire_done.
 */
struct wire_reader {
	const unsigned char *next;
	const unsigned char *end;
	bool bad;
};

struct wire_reader wire_read(struct slice payload);
uint8_t wire_get_u8(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
/* A slice into the payload; lives as long as it. */
struct slice wire_get_slice(struct wire_reader *reader);
/* As a C string into OUT; too long or with a NUL inside makes the reader bad. */
void wire_get_string(struct wire_reader *reader, char *out, size_t size);
/* True when all was there and nothing is left over. */
bool wire_done(const struct wire_reader *reader);
/* Bytes not yet read. */
size_t wire_left(const struct wire_reader *reader);

/*
 * Parses the header at the beginning of INPUT. 1 when the whole frame is there (*payload_r points into INPUT), 0 when more bytes
 * are needed, -EMSGSIZE when the frame is longer than LIMIT, -EPROTO for an unknown flag.
 */
int wire_next(struct slice input, size_t limit, struct wire_header *header_r, struct slice *payload_r);

#endif
