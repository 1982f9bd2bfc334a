/*
 * Frames and typed fields. Every length is checked against what is there before it is used.
 */
#include "common/ipc/wire.h"

#include <errno.h>
#include <string.h>

static void
wire_put(struct wire_writer *writer, const void *data, size_t length)
{
	if (writer->error == 0)
		writer->error = buffer_append(writer->out, data, length);
}

static void
encode(unsigned char *out, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (unsigned char)(number >> (8 * i));
}

static uint64_t
decode(const unsigned char *in, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number |= (uint64_t)in[i] << (8 * i);
	return number;
}

static void
wire_put_number(struct wire_writer *writer, uint64_t number, size_t size)
{
	unsigned char bytes[8];

	encode(bytes, number, size);
	wire_put(writer, bytes, size);
}

struct wire_writer
wire_begin_bare(struct buffer *out)
{
	return (struct wire_writer){ .out = out, .begin = buffer_length(out) };
}

int
wire_end_bare(struct wire_writer *writer)
{
	if (writer->error != 0)
		buffer_truncate(writer->out, writer->begin);
	return writer->error;
}

struct wire_writer
wire_begin(struct buffer *out, uint16_t type, uint16_t flags, uint32_t request)
{
	struct wire_writer writer = wire_begin_bare(out);

	wire_put_u32(&writer, 0);
	wire_put_number(&writer, type, 2);
	wire_put_number(&writer, flags, 2);
	wire_put_u32(&writer, request);
	return writer;
}

void
wire_put_u8(struct wire_writer *writer, uint8_t number)
{
	wire_put_number(writer, number, 1);
}

void
wire_put_u32(struct wire_writer *writer, uint32_t number)
{
	wire_put_number(writer, number, 4);
}

void
wire_put_u64(struct wire_writer *writer, uint64_t number)
{
	wire_put_number(writer, number, 8);
}

void
wire_put_slice(struct wire_writer *writer, struct slice s)
{
	if (s.length > WIRE_PAYLOAD_LIMIT) {
		writer->error = writer->error != 0 ? writer->error : -ENOBUFS;
		return;
	}
	wire_put_u32(writer, (uint32_t)s.length);
	wire_put(writer, s.data, s.length);
}

void
wire_put_string(struct wire_writer *writer, const char *string)
{
	wire_put_slice(writer, slice_from_string(string));
}

int
wire_end(struct wire_writer *writer)
{
	size_t length = buffer_length(writer->out) - writer->begin;

	if (writer->error == 0 && length - WIRE_HEADER_SIZE > WIRE_PAYLOAD_LIMIT)
		writer->error = -ENOBUFS;
	if (writer->error != 0) {
		wire_cancel(writer);
		return writer->error;
	}
	encode((unsigned char *)writer->out->data + writer->out->start + writer->begin, length - WIRE_HEADER_SIZE, 4);
	return 0;
}

void
wire_cancel(struct wire_writer *writer)
{
	buffer_truncate(writer->out, writer->begin);
}

struct wire_reader
wire_read(struct slice payload)
{
	const unsigned char *next = (const unsigned char *)payload.data;

	return (struct wire_reader){ .next = next, .end = payload.length == 0 ? next : next + payload.length };
}

size_t
wire_left(const struct wire_reader *reader)
{
	return (size_t)(reader->end - reader->next);
}

static const unsigned char *
wire_take(struct wire_reader *reader, size_t length)
{
	const unsigned char *at = reader->next;

	if (reader->bad || length > wire_left(reader)) {
		reader->bad = true;
		return NULL;
	}
	if (length > 0)
		reader->next += length;
	return at;
}

static uint64_t
wire_get_number(struct wire_reader *reader, size_t size)
{
	const unsigned char *at = wire_take(reader, size);

	return at == NULL ? 0 : decode(at, size);
}

uint8_t
wire_get_u8(struct wire_reader *reader)
{
	return (uint8_t)wire_get_number(reader, 1);
}

uint32_t
wire_get_u32(struct wire_reader *reader)
{
	return (uint32_t)wire_get_number(reader, 4);
}

uint64_t
wire_get_u64(struct wire_reader *reader)
{
	return wire_get_number(reader, 8);
}

struct slice
wire_get_slice(struct wire_reader *reader)
{
	size_t length = wire_get_u32(reader);
	const unsigned char *at = wire_take(reader, length);

	return at == NULL ? SLICE("") : slice_of(at, length);
}

void
wire_get_string(struct wire_reader *reader, char *out, size_t size)
{
	struct slice s = wire_get_slice(reader);

	if (slice_to_string(s, out, size) != 0)
		reader->bad = true;
}

bool
wire_done(const struct wire_reader *reader)
{
	return !reader->bad && reader->next == reader->end;
}

int
wire_next(struct slice input, size_t limit, struct wire_header *header_r, struct slice *payload_r)
{
	const unsigned char *at = (const unsigned char *)input.data;
	struct wire_header header;

	if (input.length < WIRE_HEADER_SIZE)
		return 0;
	header.length = (uint32_t)decode(at, 4);
	header.type = (uint16_t)decode(at + 4, 2);
	header.flags = (uint16_t)decode(at + 6, 2);
	header.request = (uint32_t)decode(at + 8, 4);
	if (header.length > limit)
		return -EMSGSIZE;
	if ((header.flags & ~WIRE_DESCRIPTOR) != 0)
		return -EPROTO;
	*header_r = header;
	if (input.length - WIRE_HEADER_SIZE < header.length)
		return 0;
	*payload_r = slice_of(input.data + WIRE_HEADER_SIZE, header.length);
	return 1;
}
