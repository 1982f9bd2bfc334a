/*
 * A world for an SMTP session without sockets and processes: a client, tabled and queued in memory. It stands
 * in for common/io/conn.h and common/ipc/link.h when a program is linked with it. For unit tests and fuzzers.
 */
#ifndef ANGARIUM_T_SMTP_FAKE_H
#define ANGARIUM_T_SMTP_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/ipc/proto_submit.h"
#include "common/mail/config.h"
#include "smtpd/session.h"

/* The last message that the fake queue took. */
struct fake_message {
	unsigned count;         /* of messages taken */
	uint64_t id;
	struct buffer envelope; /* encoded */
	struct buffer body;
	bool in_file;
};

struct fake {
	struct config config;
	struct session_host host;
	struct session *session;  /* NULL when it has ended */
	struct conn *conn;        /* NULL when it has ended */
	struct buffer output;     /* what the client was told and has not taken */
	uint32_t deadline;        /* milliseconds, as last set */
	bool tls;                 /* there is a certificate */
	bool keeper_down;
	bool tabled_down;
	bool queued_down;
	size_t unsent;            /* bytes that the client has not read */
	bool patient;             /* questions wait for fake_answer; else they are answered after each input */
	bool newest_first;        /* answers come in the opposite order of the questions */
	enum submit_result open_result;
	enum submit_result message_result;
	struct fake_message message;
	unsigned questions;       /* unanswered */
	unsigned most_questions;  /* unanswered at the same time */
	unsigned lookups;
	unsigned opened;          /* spool files given */
	unsigned aborted;         /* spool files given up */
	unsigned abandoned;       /* exchanges of SCRAM given up */
	bool ids_wanted;          /* more queue ids were asked for */
	uint64_t next_id;         /* of the next range of queue ids */
	size_t longest_input;     /* bytes that the session left unconsumed, at most */
};

/*
 * Users log in with the password "right" ("late": it cannot be decided), or by SCRAM with the final message "bar"; each is alice@example.org.
 * She may send as what begins with "alice"; "late.." cannot be decided.
 * Addresses: no..@ is unknown, off..@ disabled, loop..@ a loop, late..@ temporary, alias..@ an alias, all
 * others are mailboxes; in the domain "remote.example" all are remote, in "relay.example" to be relayed. The
 * client is 192.0.2.1. There is no limit to messages and recipients by time.
 */
struct fake *fake_new(void);
/* Begins a session. Change config before. */
void fake_connect(struct fake *fake, bool submission);
void fake_free(struct fake *fake);

/* The client sends; the session handles it, and what follows from it. */
void fake_send(struct fake *fake, struct slice bytes);
void fake_send_string(struct fake *fake, const char *string);
void fake_hang_up(struct fake *fake);
void fake_time_out(struct fake *fake);
/* Answers one question; false when there is none. */
bool fake_answer(struct fake *fake);
/* Answers all questions, and those that follow. */
void fake_answer_all(struct fake *fake);
/* queued, or tabled, is started anew: what was in flight is lost. */
void fake_restart_queued(struct fake *fake);
void fake_restart_tabled(struct fake *fake);
/* queued says whether it has space for new mail. */
void fake_tell_space(bool space);

/*
 * Between the two halves of the fake: the present one; input to the session; the queue's first greeting; the
 * spool file's end.
 */
extern struct fake *fake_world;
void fake_deliver(struct fake *fake);
void fake_bring_queue_up(void);
void fake_close_spool_file(void);

/*
 * The codes of all replies that the client has not taken, as "250 550"; they are then taken. Valid until the
 * next call.
 */
const char *fake_codes(struct fake *fake);
/* The replies as they are; then taken. Valid until the next call. */
const char *fake_replies(struct fake *fake);
/* The body of the last message, as a string. */
const char *fake_body(struct fake *fake);

#endif
