/*
 * A job: one message for up to DELIVER_TARGETS_MAX mailboxes, as queued gave it (common/ipc/proto_deliver.h).
 */
#ifndef ANGARIUM_DELIVERD_JOB_H
#define ANGARIUM_DELIVERD_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/ipc/jobs.h"
#include "common/ipc/proto_deliver.h"
#include "common/ipc/wire.h"
#include "common/mail/config.h"
#include "common/mail/maildir.h"
#include "deliverd/outcome.h"

struct mailbox;

/*
 * The way of a target's file. What a state promises about a power failure is the reason for each step.
 */
enum target_state {
	TARGET_WAITING, /* nothing was done */
	TARGET_WRITTEN, /* in tmp/: may be lost or torn */
	TARGET_SYNCED,  /* in tmp/: whole */
	TARGET_VISIBLE, /* in new/: whole, but may be back in tmp/ */
	TARGET_DONE,    /* in new/, durable: OUTCOME is outcome_delivered */
	TARGET_FAILED,  /* no file; OUTCOME says why */
};

struct job_target {
	const char *path;         /* of the mailbox, below the mail root; not checked */
	const char *folder;       /* "" is the inbox; not checked */
	const char *delivered_to; /* not checked */
	const char *original;     /* for the log */
	uint64_t quota;           /* bytes; 0: none */

	enum target_state state;
	struct outcome outcome;
	struct mailbox *mailbox; /* held from TARGET_WRITTEN until TARGET_DONE or TARGET_FAILED */
	int fd;                  /* the file, or -1 when it is closed */
	bool reserved;           /* counted in the quota */
	uint64_t size;           /* of the file, bytes */
	uint64_t wire_size;      /* the same with CRLF line ends */
	char unique[MAILDIR_NAME_SIZE]; /* its name in tmp/ */
	char name[MAILDIR_NAME_SIZE];   /* its name in new/ */
};

struct job {
	STAILQ_ENTRY(job) next;
	struct jobs_ticket ticket;
	enum config_over_quota over_quota;
	uint64_t id;
	int64_t arrival;          /* seconds since 1970 */
	const char *reverse_path; /* "": the null one; not checked */
	struct slice body;        /* with LF line ends; empty when it is in FD */
	uint64_t body_wire_size;  /* of BODY with CRLF line ends */
	int fd;                   /* of the body with CRLF line ends, or -1 */
	uint64_t size;            /* bytes of the body in FD */
	uint32_t checksum;        /* of it (common/io/body_file.h) */
	uint32_t target_count;
	struct job_target targets[];
};

STAILQ_HEAD(job_list, job);

/*
 * Decodes the fields of JOBS_JOB (FD -1), or of JOBS_JOB_FILE with its descriptor, which the job then
 * owns. 0, -EPROTO (malformed) or -ENOMEM; the descriptor is not taken on errors.
 */
int job_decode(struct wire_reader *body, int fd, struct job **job_r);
/* Puts the fields of JOBS_REPLY. Every target must be TARGET_DONE or TARGET_FAILED. */
void job_put_reply(const struct job *job, struct wire_writer *writer);
/*
 * Frees the job and closes its descriptor; its targets hold no file and no mailbox any more. Sets *job to
 * NULL.
 */
void job_free(struct job **job);

#endif
