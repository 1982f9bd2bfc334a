/*
 * What a role that speaks TLS asks of the keeper of its service, over the sibling channel "keeper". The asker waits for the answer before it
 * asks again.
 */
#ifndef ANGARIUM_IPC_PROTO_KEY_H
#define ANGARIUM_IPC_PROTO_KEY_H

enum {
	KEY_FRAME_MAX = 4 * 1024,  /* bytes of the largest payload */
	KEY_UNSENT_MAX = 64 * 1024, /* bytes of answers that wait for the asker */
};

enum key_type {
	/* slice key (TLS_KEY_ID_SIZE bytes: SHA-256 of its SubjectPublicKeyInfo); u8 kind (enum tls_signature); slice digest (SHA-256, 384 or 512) */
	KEY_SIGN = 1,
	/* u8 result (enum key_result); slice signature, empty unless it is OK */
	KEY_SIGNATURE = 2,
};

enum key_result {
	KEY_OK = 0,
	KEY_UNKNOWN = 1, /* there is no such key */
	KEY_REFUSED = 2, /* the key makes no such signature */
};

#endif
