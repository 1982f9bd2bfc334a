/*
 * queuetool asks queued to show or to steer the queue, over queued-admin.sock.
 *
 * A call carries the descriptor of a regular file (a memfd) that belongs to the call: queued writes what is shown there,
 * as frames like those of a channel, at its own speed and some in each turn of its loop. The reply comes when all is in
 * the file and every change is durable.
 *
 * One call at a time on a connection.
 */
#ifndef ANGARIUM_IPC_PROTO_QUEUE_H
#define ANGARIUM_IPC_PROTO_QUEUE_H

enum {
	QUEUE_FRAME_MAX = 256 * 1024, /* bytes of the largest payload, on the channel and in the file */
	QUEUE_IDS_MAX = 16 * 1024,    /* queue ids in a call */
	QUEUE_MESSAGE_SIZE = 256,     /* bytes of the reply's message, with its NUL */
	QUEUE_SHOWN_MAX = 100,        /* recipients of a message in a list; the others are counted */
	QUEUE_CONTENT_MAX = 64 * 1024, /* bytes of one piece of a message's content */
	QUEUE_NAME_MAX = 640,         /* bytes of a destination's name, with its NUL */
	QUEUE_TEXT_MAX = 512,         /* bytes of a text, with its NUL */
};

enum queue_type {
	/*
	 * queuetool -> queued, with a descriptor: u8 verb (enum queue_verb); u32 flags (enum queue_flag); string sender,
	 * recipient, domain ("": any; the sender "<>" is the null reverse-path); u64 older, u64 newer (seconds of age; 0:
	 * any); u32 count of queue ids; for each: u64 id
	 */
	QUEUE_CALL = 1,
	/* queued -> queuetool: u8 status (enum queue_status); u64 count (messages shown or changed); string message for people, may be empty */
	QUEUE_REPLY = 2,
	/* queued -> queuetool, any number before the reply: u64 messages looked at, u64 of how many, about */
	QUEUE_PROGRESS = 3,
	/*
	 * An event in the life of a message, in the file, and with QUEUE_FOLLOW also on the channel before the reply: u64
	 * when (milliseconds since 1970); u8 what (enum queue_event); string address, string status (enhanced status
	 * code), string text
	 */
	QUEUE_EVENT = 4,

	/*
	 * In the file. A message: u64 id; u64 arrival (seconds since 1970); u64 size of the content; u8 state (enum
	 * queue_state); u32 recipients; u32 recipients left; u32 attempts; u64 next attempt (seconds since 1970; 0: none
	 * is set); string sender; string status, text and remote host (of the last attempt that failed, or ""); u32 count
	 * of addresses; for each: string address of a recipient left
	 */
	QUEUE_ENTRY = 5,
	/* The envelope of the message before it (QUEUE_SHOW): u8 flags (enum envelope_flag); string envid, client, session */
	QUEUE_ENVELOPE = 6,
	/*
	 * A recipient of the message before it: u32 index; u32 from (the index of the recipient that became this one; its own: it is of the
	 * envelope); u8 state (enum queue_recipient_state); u8 notify (enum envelope_notify); string address; string orcpt
	 */
	QUEUE_RECIPIENT = 7,
	/* An attempt for the message before it: u64 when (seconds since 1970); u32 recipients; string remote, status, text */
	QUEUE_ATTEMPT = 8,
	/* The next bytes of the message's content: slice */
	QUEUE_CONTENT = 9,
	/*
	 * QUEUE_STATS: u64 messages, active, waiting (in the timetable), held; u64 segments, bytes of the segments, bytes
	 * of them that are live; u64 free bytes of the spool's file system; u64 accepted, u64 delivered, u64 deferred, u64
	 * failed (messages; recipients; recipients; recipients; since start); u64 start (seconds since 1970)
	 */
	QUEUE_TOTALS = 10,
	/*
	 * A destination: string name; u64 waiting, u32 under way, u32 window (0: none); u64 down until (seconds since
	 * 1970; 0: it is not); string text (of the last error, or ""); u64 delivered, deferred, failed (recipients, since
	 * start)
	 */
	QUEUE_DESTINATION = 11,
};

enum queue_verb {
	QUEUE_LIST = 1,
	QUEUE_SHOW = 2,
	QUEUE_HOLD = 3,
	QUEUE_RELEASE = 4,
	QUEUE_RETRY = 5,
	QUEUE_BOUNCE = 6,
	QUEUE_DELETE = 7,
	QUEUE_STATS = 8,
	QUEUE_TRACE = 9,
	QUEUE_VERB_END,
};

enum queue_flag {
	QUEUE_ALL = 1,      /* without ids and filters: all messages; a change without any of the three is refused */
	QUEUE_MESSAGE = 2,  /* show: with the content */
	QUEUE_HEADERS = 4,  /* show: with the header section */
	QUEUE_FOLLOW = 8,   /* trace: until the message ends */
};

enum queue_status {
	QUEUE_OK = 0,
	QUEUE_NOT_FOUND = 1, /* there is no message of (one of) these ids; what was found was done */
	QUEUE_INVALID = 2,
	QUEUE_TEMPORARY = 3, /* try again later; a part may have been done */
};

enum queue_state {
	QUEUE_ACTIVE = 0,   /* in a round of delivery */
	QUEUE_NEW = 1,      /* waits for its first round */
	QUEUE_DEFERRED = 2, /* waits for its next attempt */
	QUEUE_HELD = 3,     /* by the administrator */
	QUEUE_PARKED = 4,   /* waits for its destination */
	QUEUE_STATE_END,
};

enum queue_recipient_state {
	QUEUE_RECIPIENT_WAITING = 0,
	QUEUE_RECIPIENT_ACTIVE = 1,
	QUEUE_RECIPIENT_DELIVERED = 2,
	QUEUE_RECIPIENT_RELAYED = 3,
	QUEUE_RECIPIENT_FAILED = 4,
	QUEUE_RECIPIENT_EXPIRED = 5,
	QUEUE_RECIPIENT_REMOVED = 6,
	QUEUE_RECIPIENT_EXPANDED = 7, /* became others */
	QUEUE_RECIPIENT_STATE_END,
};

enum queue_event {
	QUEUE_EVENT_ACCEPTED = 0,  /* address: the sender; text: from whom */
	QUEUE_EVENT_EXPANDED = 1,  /* address: the recipient; text: how many it became */
	QUEUE_EVENT_DELIVERED = 2,
	QUEUE_EVENT_RELAYED = 3,
	QUEUE_EVENT_DEFERRED = 4,
	QUEUE_EVENT_FAILED = 5,
	QUEUE_EVENT_REPORTED = 6,  /* address: whom to; text: the report's queue id, and what it is about */
	QUEUE_EVENT_WAITING = 7,   /* text: how long, or for whom */
	QUEUE_EVENT_HELD = 8,
	QUEUE_EVENT_RELEASED = 9,
	QUEUE_EVENT_RETRIED = 10,
	QUEUE_EVENT_RETURNED = 11, /* by the administrator */
	QUEUE_EVENT_REMOVED = 12,  /* by the administrator */
	QUEUE_EVENT_ENDED = 13,    /* it has left the queue */
	QUEUE_EVENT_END,
};

#endif
