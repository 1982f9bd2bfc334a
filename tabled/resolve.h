/*
 * What an address means: whether it is ours, and the mailboxes and remote addresses that it finally stands
 * for.
 *
 * The order in which an address of a local domain is tried:
 *   1. an alias of that name, 2. a user of that name,
 *   3. and 4. the same without the subaddress ("user+tag": "user"),
 *   5. the catch-all of the domain,
 *   6. for "postmaster" only: the alias "postmaster", then the mailbox postmaster of this host, which always
 *      exists (RFC 5321 4.5.1).
 * An alias that names itself means the user of that name: so mail can be copied to others and still be kept.
 */
#ifndef ANGARIUM_TABLED_RESOLVE_H
#define ANGARIUM_TABLED_RESOLVE_H

#include "common/ipc/proto_table.h"
#include "common/mail/config.h"
#include "tabled/name.h"
#include "tabled/view.h"

/* What of the configuration matters here; a copy, so that it can be given to another thread. */
struct resolve_settings {
	char separator;      /* of a subaddress; '\0': none */
	uint32_t depth;      /* aliases that lead to aliases */
	uint32_t targets;    /* final targets of one address */
	char hostname[CONFIG_NAME_MAX];
	struct config_networks own; /* addresses of this host, for address literals */
	struct config_paths relay_sockets; /* where a route may lead */
};

/*
 * Address literals that mean this host are loopback addresses and those that smtp_listen and
 * submission_listen name.
 */
void resolve_settings_from(const struct config *config, struct resolve_settings *settings_r);

/* One address, one step. */
enum resolve_kind {
	RESOLVE_CLASS,   /* neither of the others: only "class" counts */
	RESOLVE_USER,
	RESOLVE_ALIAS,
};

struct resolve_step {
	enum resolve_kind kind;
	enum table_class class;
	bool postmaster;   /* "postmaster" of ours was asked for */
	struct name name;  /* of the user or alias that was found */
	struct slice tag;  /* subaddress as it was given, or empty; points into the address */
	struct slice path; /* of a user: mailbox */
	uint64_t quota;
	struct record_list targets; /* of an alias */
	char built_in[TABLE_PATH_MAX]; /* memory for the path of the built-in postmaster */
};

/* ADDRESS: local-part@domain or "postmaster". Slices in *step_r live until VIEW's next get. */
void resolve_one(const struct view *view, const struct resolve_settings *settings, struct slice address,
                 struct resolve_step *step_r);

/* The mailbox postmaster of this host, which needs no record. */
void resolve_built_in(const struct resolve_settings *settings, struct resolve_step *step_r);

/*
 * The route of mail for DOMAIN, which is none of ours or, with RELAYED, one that we are backup MX of: that of the domain itself, else of
 * the nearest ".parent" above it, else "*", which does not hold for relayed ones: a smarthost would give the mail back to us. Without one
 * by DNS. 0 or a negative errno value. Slices in *route_r live until VIEW's next get. *backup_r: the domain is relayed and has no route,
 * so only better MX hosts than this one may be tried (RFC 5321 5.1).
 */
int resolve_route(const struct view *view, struct slice domain, bool relayed, struct route *route_r, bool *backup_r);

/*
 * Follows aliases to the end. Appends the targets to OUT as they are in TABLE_EXPAND_REPLY
 * (common/ipc/proto_table.h) and counts them. They mean something when the class is LOCAL, ALIAS, RELAY or REMOTE. A target
 * that leads nowhere is left out as long as another does not; an alias that leads too far, or to too many,
 * gives TABLE_LOOP. OUT may be NULL: then the first target ends the search.
 */
enum table_class resolve_expand(const struct view *view, const struct resolve_settings *settings,
                                struct slice address, struct buffer *out, uint32_t *count_r);

/*
 * Whether the alias NAME with TARGETS, which VIEW already shows, can be followed: 0, -ELOOP (it leads back to
 * itself), -E2BIG (too far, or to too many), or another negative errno value from VIEW.
 */
int resolve_check_alias(const struct view *view, const struct resolve_settings *settings,
                        const struct name *name, struct record_list targets);

#endif
