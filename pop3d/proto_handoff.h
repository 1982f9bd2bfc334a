/*
 * A login worker hands an authenticated client to a session worker, over the sibling channel "session".
 *
 * The login worker keeps a duplicate of the socket until the reply: if none comes, it tells the client so and
 * shuts the connection.
 */
#ifndef ANGARIUM_POP3D_PROTO_HANDOFF_H
#define ANGARIUM_POP3D_PROTO_HANDOFF_H

enum {
	HANDOFF_SESSION_SIZE = 17,      /* bytes of a session's name in the log, with its NUL: 16 hexadecimal digits */
	HANDOFF_CLIENT_SIZE = 46,       /* bytes of the client's address in numbers, with its NUL (INET6_ADDRSTRLEN) */
	HANDOFF_INPUT_MAX = 4096,       /* bytes that the client has sent ahead */
	HANDOFF_FRAME_MAX = 8 * 1024,   /* bytes of the largest payload */
	HANDOFF_UNSENT_MAX = 256 * 1024, /* bytes of frames that wait for the other side */
};

enum handoff_type {
	/*
	 * login -> session, with the client's socket: slice ticket (TABLE_TICKET_SIZE); string session;
	 * string client address; u8 flags (enum handoff_flag); slice input, which the client sent after PASS.
	 */
	HANDOFF_TAKE = 1,
	/* session -> login: u8 result (enum handoff_result). */
	HANDOFF_REPLY = 2,
};

enum handoff_flag {
	HANDOFF_UTF8 = 1, /* the client has given UTF8 (RFC 6856 section 2) */
};

enum handoff_result {
	HANDOFF_TAKEN = 0, /* the session worker answers PASS from here on */
	HANDOFF_FULL = 1,  /* it has all the sessions that it may have, or no memory */
};

#endif
