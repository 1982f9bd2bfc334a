/*
 * The words that a user logs in with: "user@domain", or "user+Folder@domain" for a folder of the mailbox.
 */
#ifndef ANGARIUM_TABLED_LOGIN_H
#define ANGARIUM_TABLED_LOGIN_H

#include "tabled/name.h"
#include "tabled/view.h"

struct login {
	struct name name;              /* of the user that is meant, whether there is one or not */
	char folder[TABLE_FOLDER_MAX]; /* as it was given; "" is the inbox */
	bool known;                    /* there is such a user, and the folder can be one */
	struct record_user user;       /* of a known user; lives until the view's next get */
	struct slice value;            /* the whole record, encoded; the same */
};

/*
 * SEPARATOR: between user and folder; '\0': none. A login beyond ASCII is looked for as it is, and then prepared (saslprep.h). 0 or a negative errno value: the table could not be read.
 */
int login_find(const struct view *view, char separator, struct slice text, struct login *login_r);

#endif
