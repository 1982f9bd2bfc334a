/*
 * Records: the values of the table, encoded with the fields of common/ipc/wire.h after one byte that is the
 * version of the encoding. The same bytes travel between dbtool and tabled.
 */
#ifndef ANGARIUM_TABLED_RECORD_H
#define ANGARIUM_TABLED_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"
#include "common/mail/route.h"
#include "common/mail/scram.h"

enum {
	RECORD_VERSION = 1,
	RECORD_VERSION_SECRETS = 2, /* of a user with SCRAM keys, which are at its end */
	RECORD_LIST_MAX = 10000,   /* items of a list */
	RECORD_ITEM_MAX = 320,     /* bytes of an item: an address */
	RECORD_PASSWORD_MAX = 384, /* bytes of a password hash (crypt(5)) */
	RECORD_SECRETS_MAX = 32,   /* of a user: the password and app passwords */
	RECORD_SECRET_NAME_MAX = 64, /* bytes */
};

/* A list of strings, encoded one after the other. */
struct record_list {
	uint32_t count;
	struct slice bytes;
};

enum record_domain_kind {
	RECORD_DOMAIN_LOCAL = 0, /* its mailboxes are here */
	RECORD_DOMAIN_RELAY = 1, /* we are a backup MX of it */
};

struct record_domain {
	bool enabled;
	enum record_domain_kind kind;
};

struct record_user {
	bool enabled;
	struct slice password; /* its hash; empty: no login */
	struct slice path;     /* of the mailbox, relative to the mail root */
	uint64_t quota;        /* bytes; 0: none */
	struct record_list send_as; /* addresses besides the login that the user may send as */
	/*
	 * The SCRAM keys of the password (its name is "") and of app passwords, each of which record_secret_next reads. All are made with
	 * one salt: a client is told the salt before it has shown which of them it knows.
	 */
	struct record_list secrets;
	struct slice salt;   /* empty when there are no secrets */
	uint32_t iterations; /* 0 when there are no secrets */
};

struct record_secret {
	struct slice name;
	uint64_t created; /* seconds since 1970 */
	struct scram_keys keys;
};

struct record_alias {
	bool enabled;
	struct record_list targets; /* addresses */
};

/* Append the encoding to OUT. 0, -ENOBUFS, -ENOMEM. */
int record_domain_encode(const struct record_domain *domain, struct buffer *out);
int record_user_encode(const struct record_user *user, struct buffer *out);
int record_alias_encode(const struct record_alias *alias, struct buffer *out);
int record_route_encode(const struct route *route, struct buffer *out);

/* Decode; slices point into VALUE. False when it is malformed or of a version that is not known. */
bool record_domain_decode(struct slice value, struct record_domain *domain_r);
bool record_user_decode(struct slice value, struct record_user *user_r);
bool record_alias_decode(struct slice value, struct record_alias *alias_r);
bool record_route_decode(struct slice value, struct route *route_r);

/*
 * Appends ITEM to the list that OUT holds, and counts it in *count. 0, -E2BIG (too many), -EMSGSIZE (too
 * long), -ENOBUFS, -ENOMEM.
 */
int record_list_add(struct buffer *out, uint32_t *count, struct slice item);
/* Takes the first item out of *list. False when there is none left. */
bool record_list_next(struct record_list *list, struct slice *item_r);
bool record_list_contains(struct record_list list, struct slice item);

/* Appends a secret to the list that OUT holds, and counts it in *count. As record_list_add; -E2BIG at RECORD_SECRETS_MAX. */
int record_secret_add(struct buffer *out, uint32_t *count, const struct record_secret *secret);
/* Takes the first secret out of *list. False when there is none left. */
bool record_secret_next(struct record_list *list, struct record_secret *secret_r);
bool record_secret_find(struct record_list list, struct slice name, struct record_secret *secret_r);
/* Letters, digits, ".", "_" and "-", 1 to RECORD_SECRET_NAME_MAX of them. */
bool record_secret_name(struct slice name);

#endif
