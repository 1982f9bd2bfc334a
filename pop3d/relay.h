/*
 * A client whose TLS cannot move: its login worker keeps the connection and passes bytes between it and a socket pair, the other end of which a
 * session worker takes for the client's socket.
 */
#ifndef ANGARIUM_POP3D_RELAY_H
#define ANGARIUM_POP3D_RELAY_H

struct login;

/*
 * Takes over the connection of LOGIN, and its place among the sessions, unless it fails. Returns the end for the session worker, or a
 * negative errno value. Not inside an input callback.
 */
int relay_begin(struct login *login);

#endif
