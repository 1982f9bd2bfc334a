/*
 * A client of relayd and the remote it talks to: a test writes what the remote says, and reads what the client said.
 */
#ifndef ANGARIUM_T_RELAY_WORLD_H
#define ANGARIUM_T_RELAY_WORLD_H

#include "relayd/client.h"

enum {
	WORLD_RECIPIENTS = 3,
	WORLD_HEARD_MAX = 4 * 1024 * 1024, /* bytes */
};

struct world {
	struct event_base *base;
	struct client_settings settings;
	struct client *client;
	int remote; /* -1: it has closed */

	/* What the client called back with */
	unsigned readies;
	unsigned dones;
	unsigned ends;
	struct client_outcome outcome;
	struct client_end end;
	bool close_in_callback;
	bool again; /* sends the same once more in DONE */

	struct client_recipient recipients[WORLD_RECIPIENTS];
	struct client_transaction transaction;

	char *heard;
};

/* Settings of plain SMTP, and a transaction with a short message for one recipient; no session yet. */
struct world *world_new(void);
void world_free(struct world *world);
/* Begins the session. */
void world_connect(struct world *world);
/* The same, up to being ready; EXTENSIONS are lines as "250-PIPELINING\r\n". */
void world_ready(struct world *world, const char *extensions);
/* Lets everything happen that can. */
void world_turn(struct world *world);
void world_says(struct world *world, const char *text);
void world_says_bytes(struct world *world, struct slice bytes);
/* What the client has said since the last call, as a string. */
const char *world_hears(struct world *world);
/* The remote closes. */
void world_drops(struct world *world);
/* Lets the loop run until a callback has come, for 5 seconds at most. */
void world_wait(struct world *world);
/* Sends the transaction. */
void world_send(struct world *world);

#endif
