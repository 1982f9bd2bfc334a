/*
 * The inside of answering queuetool: admin.c has the calls, admin_walk.c goes through the messages that a call is about, admin_view.c reads what of
 * them is on disk, and each group of verbs has a file.
 */
#ifndef ANGARIUM_QUEUED_ADMIN_STATE_H
#define ANGARIUM_QUEUED_ADMIN_STATE_H

#include <sys/queue.h>

#include "common/ipc/channel.h"
#include "common/mail/envelope.h"
#include "queued/admin.h"
#include "queued/admin_frames.h"

struct admin_settling;
struct admin_verb;

/* What is known of a message beyond its struct: read back when it is not at hand. */
struct admin_view {
	struct admin *admin;
	struct message *message;
	struct record *record; /* held; NULL: not looked at, or unreadable */
	struct message_payload payload;
	struct envelope envelope;
};

/* Messages to be dealt with. */
struct admin_ids {
	uint64_t *list;
	size_t count, size;
	size_t next;
};

enum admin_phase {
	ADMIN_IDLE,
	ADMIN_WORKING,
	ADMIN_SETTLING,  /* all is done, and must become durable */
	ADMIN_FOLLOWING, /* what happens to a message is passed on until it ends */
};

/* A tool, and its call. */
struct admin_peer {
	TAILQ_ENTRY(admin_peer) link;
	TAILQ_ENTRY(admin_peer) work_link; /* while WORKING */
	struct admin *admin;
	struct channel *channel;
	enum admin_phase phase;
	uint32_t request;
	struct buffer payload;  /* of the call */
	struct queue_call call; /* points into it */
	const struct admin_verb *verb;
	int file;
	struct buffer out;      /* frames on their way to the file */
	struct admin_ids ids;
	bool walking;           /* IDS is refilled from all messages */
	uint64_t cursor;        /* of that walk */
	uint64_t position;      /* for verbs that show one message in several steps: 0 at first */
	uint64_t offset;        /* the same: of its content */
	char destination[QUEUE_NAME_MAX]; /* QUEUE_STATS: the last one that was shown */
	uint64_t followed;      /* QUEUE_FOLLOW: a message's queue id; 0: none that lives */
	uint64_t looked_at;     /* messages */
	int64_t told;           /* of the last QUEUE_PROGRESS, clock_monotonic_ms */
	struct admin_settling *settling; /* SETTLING, else NULL */
	struct queue_reply reply;
};

struct admin {
	struct admin_hooks hooks;
	TAILQ_HEAD(admin_peers, admin_peer) peers;
	struct admin_peers working; /* in turn */
	struct event *step;
	unsigned count; /* of peers */
};

/* What is done for a verb. */
struct admin_verb {
	const char *name;
	bool single;  /* about one queue id */
	bool choice;  /* needs ids, a filter, or QUEUE_ALL */
	bool changes; /* the reply waits for the disk */
	/*
	 * For each message of the call. 0; 1: there is more to show of it, call again; negative errno value: the call cannot go on. Counts in
	 * peer->reply.count what was shown or changed. NULL: the verb is about no messages.
	 */
	int (*message)(struct admin_peer *peer, struct admin_view *view);
	/* Optional: for an id that is not in the queue. True when there is something to say about it all the same. */
	bool (*missing)(struct admin_peer *peer, uint64_t id);
	/* Optional: at the end, the same results as MESSAGE. */
	int (*end)(struct admin_peer *peer);
};

/* admin.c */
/* A frame for the file: begin, put fields, wire_end. */
struct wire_writer admin_frame(struct admin_peer *peer, enum queue_type type);

/* Writes what has been gathered to the file, when that is much. For verbs that show more than a step's worth. 0 or a negative errno value. */
int admin_make_room(struct admin_peer *peer);
/* ERROR, or 0: the message has ended. */
void admin_end_following(struct admin_peer *peer, int error);

/* admin_walk.c */
/* The messages that the call is about are to be gone through. 0 or -ENOMEM. */
int admin_walk_begin(struct admin_peer *peer);
/* Some of them. 1, 0 at the end, or a negative errno value. */
int admin_walk_some(struct admin_peer *peer);
void admin_walk_end(struct admin_peer *peer);
/* True when the call says which messages it is about. */
bool admin_has_filter(const struct queue_call *call);

/* admin_view.c */
/* Makes record and envelope available. 0 or a negative errno value. */
int admin_view_open(struct admin_view *view);
void admin_view_close(struct admin_view *view);
/* Of recipient or target INDEX; the view is open. */
struct slice admin_view_address(const struct admin_view *view, uint32_t index);
bool admin_index_is_live(const struct message *message, uint32_t index);

/* admin_list.c */
int admin_list_message(struct admin_peer *peer, struct admin_view *view);
/* admin_change.c */
int admin_hold_message(struct admin_peer *peer, struct admin_view *view);
int admin_release_message(struct admin_peer *peer, struct admin_view *view);
int admin_retry_message(struct admin_peer *peer, struct admin_view *view);
int admin_bounce_message(struct admin_peer *peer, struct admin_view *view);
int admin_delete_message(struct admin_peer *peer, struct admin_view *view);
/* admin_stats.c */
int admin_stats_end(struct admin_peer *peer);
/* admin_trace.c */
int admin_trace_message(struct admin_peer *peer, struct admin_view *view);
bool admin_trace_missing(struct admin_peer *peer, uint64_t id);
void admin_trace_event(void *context, uint64_t id, const struct queue_happening *happening);
/* admin_show.c */
int admin_show_message(struct admin_peer *peer, struct admin_view *view);

#endif
