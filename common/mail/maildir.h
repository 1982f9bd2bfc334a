/*
 * Maildir and Maildir++: names of message files, names of folders, and the directories of a mailbox.
 *
 *   MAILBOX/tmp new cur            the inbox
 *   MAILBOX/.Folder/tmp new cur    a folder, ".A.B" for B in A; holds an empty file "maildirfolder"
 *   MAILBOX/maildirsize            what the quota counts (deliverd/quota.h)
 *
 * A message file is named UNIQUE[,S=SIZE][,W=SIZE][:2,FLAGS]. In new/ it has no flags. Other programs move
 * it to cur/ and change its flags; what comes before the ":" stays.
 *
 * No function here follows a symbolic link below the mail root, in any part of a path.
 */
#ifndef ANGARIUM_MAIL_MAILDIR_H
#define ANGARIUM_MAIL_MAILDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/slice.h"

enum maildir_limits {
	MAILDIR_NAME_SIZE = 256,   /* bytes of a file name, with its NUL */
	MAILDIR_HOST_SIZE = 128,   /* bytes of the host part of a file name, with its NUL */
	MAILDIR_PATH_SIZE = 512,   /* bytes of a mailbox path, with its NUL */
	MAILDIR_PATH_PARTS = 8,    /* directories in a mailbox path */
	MAILDIR_FOLDER_SIZE = 256, /* bytes of a folder's directory name, with its NUL */
};

/* A file name taken apart; the slices point into it. */
struct maildir_name {
	struct slice base;   /* all before ":2,": the same for as long as the message lives */
	struct slice unique; /* of that, what comes before the first ",": unique in the mailbox, also when sizes are added later */
	struct slice flags;  /* the letters after ":2,", or empty */
	bool has_size;
	uint64_t size; /* S=: bytes of the file */
	bool has_wire_size;
	/* W=: bytes with CRLF line ends, which is SIZE and one for each LF that does not follow a CR. */
	uint64_t wire_size;
};

/*
 * False for a name that is no message's: empty, beginning with ".", or with a byte below 32 or "/" in it. A
 * size that is not a number, or stands there twice, counts as absent.
 */
bool maildir_name_parse(struct slice file, struct maildir_name *name_r);

/*
 * HOSTNAME as the last part of unique names: "/", ":" and "," as \057, \072, \054; cut to fit
 * MAILDIR_HOST_SIZE.
 */
void maildir_host(const char *hostname, char *out);
/*
 * "SECONDS.M<microseconds>P<process>Q<number>.HOST": NUMBER counts the deliveries of this process. HOST
 * comes from maildir_host. OUT has MAILDIR_NAME_SIZE bytes; every such name fits, with sizes too.
 */
void maildir_name_unique(char *out, int64_t wall_us, pid_t process, uint64_t number, const char *host);
/* "UNIQUE,S=...,W=..." of a name from maildir_name_unique. OUT has MAILDIR_NAME_SIZE bytes. */
void maildir_name_sized(char *out, const char *unique, uint64_t size, uint64_t wire_size);

/*
 * Whether PATH may name a mailbox below the mail root: relative, of 1 to MAILDIR_PATH_PARTS parts, none of
 * them empty, ".", ".." or longer than 255 bytes, without bytes below 32. 0 or -EINVAL.
 */
int maildir_path_check(struct slice path);

/*
 * The directory of FOLDER (UTF-8; levels divided by "." or "/") inside its mailbox: ".A.B" for "A.B".
 * Letters outside of ASCII are written in the modified UTF-7 of RFC 3501 5.1.3, as other Maildir++ programs
 * do. "" and "INBOX" (any case) give "". OUT has MAILDIR_FOLDER_SIZE bytes. 0, -EINVAL (an empty level, a
 * control character, invalid UTF-8) or -ENAMETOOLONG.
 */
int maildir_folder_directory(struct slice folder, char *out);

/*
 * Opens the directory PATH (which may have several parts) below DIRFD. FLAGS is O_RDONLY (to read or sync
 * it) or O_PATH. Every part must be a directory and no symbolic link. A descriptor (close-on-exec) or a
 * negative errno value: -ENOENT, -ELOOP or -ENOTDIR (a link, or no directory), -EACCES, ...
 */
int maildir_open_directory(int dirfd, const char *path, int flags);

/*
 * Makes what is missing of the mailbox PATH below ROOT, and, when DIRECTORY is not "", of that folder in it
 * (from maildir_folder_directory): directories of mode 0700. PATH must have passed maildir_path_check.
 * *made_r tells whether anything was made; it is then not yet durable: sync the file system before relying
 * on it. 0 or a negative errno value.
 */
int maildir_make(int root, const char *path, const char *directory, bool *made_r);

#endif
