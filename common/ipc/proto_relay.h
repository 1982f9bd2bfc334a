/*
 * queued gives jobs to relay workers, over queued-relayd.sock (proto_jobs.h).
 *
 * queued decides how many jobs for a destination are under way at once; the worker has at most one connection for each of them. Jobs of
 * one destination go to the same worker as long as it is there, so that its connections are used again.
 */
#ifndef ANGARIUM_IPC_PROTO_RELAY_H
#define ANGARIUM_IPC_PROTO_RELAY_H

enum {
	RELAY_TARGETS_MAX = 100,           /* recipients in one job: RFC 5321 4.5.3.1.8 promises as many */
	RELAY_FRAME_MAX = 4 * 1024 * 1024, /* bytes of the largest payload */
	RELAY_CREDIT_MAX = 4096,
};

/*
 * JOBS_JOB, JOBS_JOB_FILE: u64 queue id; u64 arrival (seconds since 1970); string domain
 * (of the targets; lower case; an address literal with its brackets; when a route leads elsewhere, that of one of them); the route
 * (common/mail/route.h); u8 backup (1: we are a backup MX of the domain, and may only go to better ones than us); u8 flags (enum
 * relay_flag); string reverse-path ("" is the null one); string envid; u64 size of the body; u32 checksum of a body in the descriptor
 * (CRC-32C; else 0); slice body (empty when it is in the descriptor); u32 count of targets; for each: string address, string orcpt
 * ("type;address" or ""), u8 notify (enum envelope_notify).
 * The body has CRLF line ends.
 *
 * JOBS_REPLY: u8 destination (enum relay_destination); string remote ("mx.example.org [192.0.2.1]:25", or "" when nobody was reached);
 * u8 dsn (1: the remote takes DSN's parameters upon itself, RFC 3461); then what all have: results are of enum relay_result, texts the
 * remote's words with its reply code.
 */

enum relay_flag { /* as enum envelope_flag */
	RELAY_8BITMIME = 1,
	RELAY_SMTPUTF8 = 4,
	RELAY_RET_FULL = 8,
	RELAY_RET_HDRS = 16,
};

/* How the destination is, as far as this job has seen. */
enum relay_destination {
	RELAY_DESTINATION_UP = 0,   /* a transaction took place, whatever came of it */
	RELAY_DESTINATION_DOWN = 1, /* no host of it could be reached, or none greeted with 220, or DNS had no answer: others need not try now */
	RELAY_DESTINATION_FULL = 2, /* it does not want this many connections (421, or a connection refused beside others that are open) */
	RELAY_DESTINATION_UNKNOWN = 3, /* nothing was learnt: null MX, no such domain, a job that ended before anything was asked */
};

enum relay_result {
	RELAY_DONE = 0,      /* the next hop has taken it upon itself */
	RELAY_TEMPORARY = 1,
	RELAY_PERMANENT = 2,
	RELAY_DAMAGED = 3,   /* the body in the descriptor is too short, or has another checksum: its end was not sent */
};

#endif
