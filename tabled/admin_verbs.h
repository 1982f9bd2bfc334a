/*
 * Between the files admin_*.c: the verbs, and what they share.
 */
#ifndef ANGARIUM_TABLED_ADMIN_VERBS_H
#define ANGARIUM_TABLED_ADMIN_VERBS_H

#include "tabled/admin.h"

enum {
	ADMIN_PROGRESS_EVERY = 1024, /* records between two calls of progress */
	ADMIN_NAME_SIZE = TABLE_ADDRESS_MAX + 2, /* bytes of an address as a string */
};

typedef enum admin_status admin_verb_function(struct admin *admin, const struct admin_call *call);

admin_verb_function admin_domain_add, admin_domain_delete, admin_domain_set;
admin_verb_function admin_user_add, admin_user_delete, admin_user_set;
admin_verb_function admin_alias_add, admin_alias_delete, admin_alias_set;
admin_verb_function admin_route_add, admin_route_delete, admin_route_set;
admin_verb_function admin_show, admin_list, admin_import, admin_check;

/* Adds a record of CALL's noun. */
enum admin_status admin_add(struct admin *admin, const struct admin_call *call);

/* Sets the reply's message, and returns STATUS. */
enum admin_status admin_say(struct admin *admin, enum admin_status status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same for a failure of the table itself. */
enum admin_status admin_storage(struct admin *admin, int error);

/* Change the table and remember the change for the index. 0 or a negative errno value. */
int admin_store(struct admin *admin, enum table_space space, struct slice key, struct slice value);
int admin_remove(struct admin *admin, enum table_space space, struct slice key);

/* Calls progress. False when the call is to be broken off. */
bool admin_progress(struct admin *admin, uint64_t done, uint64_t total);

/* Append to the call's file. 0 or a negative errno value. Flush at the end. */
int admin_output_record(struct admin *admin, const struct admin_record *record);
int admin_output_note(struct admin *admin, const char *format, ...) __attribute__((format(printf, 2, 3)));
int admin_output_flush(struct admin *admin);

/*
 * Rebuilds USER's list of secrets in OUT: without NAME, and when SECRET is not empty with its keys under that name. SALT
 * (SCRAM_SALT_SIZE bytes) is filled in and used when USER had none. ADMIN_OK, or a failure that was said.
 */
enum admin_status admin_secrets(struct admin *admin, struct record_user *user, struct slice name, struct slice secret,
                                struct buffer *out, unsigned char *salt);

/*
 * Takes the SCRAM keys of the password over from CHANGE, if it has the same hash, and the same salt unless USER has none. As
 * admin_secrets.
 */
enum admin_status admin_secret_keys(struct admin *admin, const struct record_user *change, struct record_user *user,
                                    struct buffer *out);

/* The domain that NAME lies in must be there and local. ADMIN_OK, or a failure that was said. */
enum admin_status admin_need_domain(struct admin *admin, const struct name *name);
/*
 * Checks a list of addresses and appends it to OUT in canonical form and without duplicates. ADMIN_OK, or a
 * failure that was said.
 */
enum admin_status admin_addresses(struct admin *admin, struct record_list in, struct buffer *out,
                                  struct record_list *list_r);

#endif
