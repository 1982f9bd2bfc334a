/*
 * queued gives jobs to delivery workers, over queued-deliverd.sock (proto_jobs.h).
 */
#ifndef ANGARIUM_IPC_PROTO_DELIVER_H
#define ANGARIUM_IPC_PROTO_DELIVER_H

enum {
	DELIVER_TARGETS_MAX = 100,          /* mailboxes in one job */
	DELIVER_FRAME_MAX = 4 * 1024 * 1024, /* bytes of the largest payload */
	DELIVER_CREDIT_MAX = 1024,
};

/*
 * JOBS_JOB, JOBS_JOB_FILE: u64 queue id; u64 arrival (seconds since 1970); string reverse-path ("" is the null one); u8 flags
 * (enum deliver_flag); u64 size of the body; u32 checksum of a body in the descriptor (CRC-32C; else 0); slice body (empty when it is in the
 * descriptor); u32 count of targets; for each: string mailbox path relative to the mail root, u64 quota (bytes, 0: none), string folder ("" is the
 * inbox), string Delivered-To address, string original recipient. The body has CRLF line ends.
 *
 * JOBS_REPLY: nothing but what all have; results are of enum deliver_result.
 */

enum deliver_flag {
	DELIVER_SMTPUTF8 = 1,
	DELIVER_8BIT = 2,
};

enum deliver_result {
	DELIVER_DONE = 0,      /* durable in new/ */
	DELIVER_TEMPORARY = 1,
	DELIVER_PERMANENT = 2,
	DELIVER_DAMAGED = 3,   /* the body in the descriptor is too short, or has another checksum: nothing was delivered */
};

#endif
