/*
 * Frames of proto_relay.h as queued sends them, for tests of relayd.
 */
#ifndef ANGARIUM_T_RELAY_FRAMES_H
#define ANGARIUM_T_RELAY_FRAMES_H

#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/ipc/wire.h"
#include "common/mail/route.h"
#include "relayd/job.h"

#define RELAY_FRAMES_BODY "Subject: test\r\n\r\ntext\r\n"

/* The fields of JOBS_JOB for DOMAIN and ROUTE (in words), to COUNT recipients. */
static inline void
relay_frame(struct buffer *out, const char *domain, const struct route *route, unsigned count)
{
	struct wire_writer writer = wire_begin_bare(out);

	wire_put_u64(&writer, 0x123456789abcU);
	wire_put_u64(&writer, 1700000000);
	wire_put_string(&writer, domain);
	route_put(&writer, route);
	wire_put_u8(&writer, 0);
	wire_put_u8(&writer, RELAY_8BITMIME);
	wire_put_string(&writer, "sender@example.net");
	wire_put_string(&writer, "envid");
	wire_put_u64(&writer, sizeof(RELAY_FRAMES_BODY) - 1);
	wire_put_u32(&writer, 0);
	wire_put_string(&writer, RELAY_FRAMES_BODY);
	wire_put_u32(&writer, count);
	for (unsigned i = 0; i < count; i++) {
		wire_put_string(&writer, "user@example.org");
		wire_put_string(&writer, "rfc822;user@example.org");
		wire_put_u8(&writer, 4);
	}
	if (wire_end_bare(&writer) != 0)
		abort();
}

/* ROUTE in words; all that is not in them as TLS and login say. */
static inline struct job *
relay_frames_job(const char *domain, const char *words, enum route_tls tls, unsigned count)
{
	struct buffer frame;
	struct wire_reader reader;
	struct route route;
	struct job *job = NULL;

	if (route_parse(slice_from_string(words), &route) != 0)
		abort();
	route.tls = tls;
	buffer_init(&frame, 1024 * 1024);
	relay_frame(&frame, domain, &route, count);
	reader = wire_read(buffer_slice(&frame));
	if (job_decode(&reader, -1, &job) != 0)
		abort();
	buffer_free(&frame);
	return job;
}

#endif
