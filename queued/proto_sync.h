/*
 * The queue asks the syncer to make files durable. A channel between the two roles of queued.
 */
#ifndef ANGARIUM_QUEUED_PROTO_SYNC_H
#define ANGARIUM_QUEUED_PROTO_SYNC_H

enum {
	SYNC_FRAME_MAX = 64,             /* bytes of the largest payload */
	SYNC_OUTPUT_MAX = 1024 * 1024,   /* unsent bytes */
	SYNC_AT_ONCE = 32,               /* requests that the queue has at the syncer; each carries a descriptor */
};

enum sync_type {
	/* queue -> syncer, with the descriptor: u8 what (enum disk_what). What was written to the file before this is to become
	 * durable; or, for DISK_SPARE, the whole file to become zeros. */
	SYNC_FILE = 1,
	/* syncer -> queue, request id of the question: u32 error (errno value, 0: durable) */
	SYNC_DONE = 2,
};

#endif
