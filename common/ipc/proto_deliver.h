/*
 * queued gives jobs to delivery workers, over queued-deliverd.sock. The worker connects, says READY with its credit (the jobs that it
 * will hold at once), and each reply gives one credit back.
 */
#ifndef ANGARIUM_IPC_PROTO_DELIVER_H
#define ANGARIUM_IPC_PROTO_DELIVER_H

enum {
	DELIVER_TARGETS_MAX = 100,          /* mailboxes in one job */
	DELIVER_TEXT_MAX = 512,             /* bytes of a diagnostic text, with its NUL */
	DELIVER_FRAME_MAX = 4 * 1024 * 1024, /* bytes of the largest payload */
	DELIVER_CREDIT_MAX = 1024,
};

enum deliver_type {
	/* deliverd -> queued: u32 credit. Once, first; request id 0. */
	DELIVER_READY = 1,
	/*
	 * queued -> deliverd, without or with a descriptor of the body, open for reading: u64 queue id; u64 arrival (seconds since 1970);
	 * string reverse-path ("" is the null one); u8 flags (enum deliver_flag); u64 size of the body; slice body (empty when it is
	 * in the descriptor); u32 count of targets; for each: string mailbox path relative to the mail root, u64 quota (bytes, 0: none), string folder ("" is the inbox),
	 * string Delivered-To address, string original recipient.
	 * The body has CRLF line ends.
	 */
	DELIVER_JOB = 2,      /* body inside */
	DELIVER_JOB_FILE = 3, /* body in the descriptor */
	/*
	 * deliverd -> queued, request id of the job: u32 count; for each target in the job's order: u8 result (enum deliver_result), string enhanced status
	 * code ("2.1.5", "4.2.2", ...), string text for people.
	 */
	DELIVER_REPLY = 4,
};

enum deliver_flag {
	DELIVER_SMTPUTF8 = 1,
	DELIVER_8BIT = 2,
};

enum deliver_result {
	DELIVER_DONE = 0,      /* durable in new/ */
	DELIVER_TEMPORARY = 1,
	DELIVER_PERMANENT = 2,
};

#endif
