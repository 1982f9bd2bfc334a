/*
 * queued gives jobs to workers of deliverd and relayd: what both channels have in common. What is in a job and in its reply stands in
 * proto_deliver.h and proto_relay.h.
 *
 * The worker connects, says READY with its credit (the jobs that it will hold at once), and each reply gives one credit back. At regular
 * intervals it says that it goes on with its jobs, however long each may take; one of which nothing is heard for JOBS_SILENCE_S loses them.
 */
#ifndef ANGARIUM_IPC_PROTO_JOBS_H
#define ANGARIUM_IPC_PROTO_JOBS_H

enum {
	JOBS_ALIVE_S = 10,                      /* seconds between two JOBS_ALIVE */
	JOBS_SILENCE_LOOKS = 6,                 /* intervals without any frame after which a worker counts as hung */
	JOBS_SILENCE_S = JOBS_SILENCE_LOOKS * JOBS_ALIVE_S,
	JOBS_TEXT_MAX = 512,                    /* bytes of a text in a reply, with its NUL */
};

enum jobs_type {
	/* worker -> queued: u32 credit. Once, first; request id 0. */
	JOBS_READY = 1,
	/* queued -> worker, without or with a descriptor of the body, open for reading. */
	JOBS_JOB = 2,
	JOBS_JOB_FILE = 3,
	/*
	 * worker -> queued, request id of the job: what came of it. Ends with u32 count; for each target in the job's order: u8 result, string
	 * enhanced status code ("2.1.5", "4.2.2", ...), string text for people.
	 */
	JOBS_REPLY = 4,
	/* worker -> queued, after READY; request id 0; no fields. */
	JOBS_ALIVE = 5,
};

#endif
