/*
 * A maildrop: the messages of one Maildir, locked for one session, as they were when it was opened.
 *
 * Opening it reads the directories new/ and cur/ and opens no file: times and sizes stand in the names. The
 * order of the messages is that of their arrival (time in the name, then the name), so that it is the same in
 * each session.
 *
 * Nothing is moved from new/ to cur/: whether a message is "new" is for a reader that shows messages to
 * people (RFC 1939 knows no such thing), and a message that nobody but POP3 touched is left as its delivery
 * left it. Others may move and rename files at any time: a file that is not where it was is looked for again
 * by the part of its name that stays.
 *
 * Everything else in those directories (directories, links, FIFOs, names with a leading dot or control
 * characters) is not there for us.
 *
 * Messages are numbered from 0 here, from 1 in the protocol.
 */
#ifndef ANGARIUM_POP3D_MAILDROP_H
#define ANGARIUM_POP3D_MAILDROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/mail/maildir.h"

enum {
	MAILDROP_UIDL_SIZE = 71,                    /* 70 characters (RFC 1939 section 7, UIDL) and NUL */
	MAILDROP_PATH_SIZE = 4 + MAILDIR_NAME_SIZE, /* "new/" or "cur/" and a file's name */
};

struct maildrop;

/* A message's file, as it was named last. */
struct maildrop_file {
	int directory;  /* not owned */
	bool not_owner; /* of the files: reading them changes their access times, which others may care for */
	char path[MAILDROP_PATH_SIZE];
};

/*
 * Takes DIRECTORY, the descriptor (O_RDONLY) of a mailbox or folder, in any case, and locks it. MEMORY is the
 * most that the index may take, bytes. 0, -EBUSY (another session holds it), -ENOMEM or another negative
 * errno value. Follow with maildrop_scan until it is done; only then can the others be called.
 */
int maildrop_open(int directory, size_t memory, struct maildrop **maildrop_r);
/* Unlocks and frees; deletes nothing. Sets *maildrop to NULL. */
void maildrop_close(struct maildrop **maildrop);

/*
 * Reads a piece of the directories; each call takes about a millisecond. 1: call again, 0: done, or a
 * negative errno value (-ENOBUFS: the index would take more than the memory allowed).
 */
int maildrop_scan(struct maildrop *maildrop);
/*
 * Starts to look again where the files are now; follow with maildrop_scan until it is done. The messages,
 * their numbers and marks stay; those that are not found are gone, new ones are not looked at.
 */
void maildrop_rescan(struct maildrop *maildrop);
/* A scan or rescan is not done yet. */
bool maildrop_scanning(const struct maildrop *maildrop);

/* All messages, those marked as deleted too. */
uint32_t maildrop_count(const struct maildrop *maildrop);
/* Messages not marked as deleted, and their size together (octets with CRLF line ends). */
uint32_t maildrop_left(const struct maildrop *maildrop);
uint64_t maildrop_left_octets(const struct maildrop *maildrop);
/* Bytes of memory that the index takes. */
size_t maildrop_memory(const struct maildrop *maildrop);

/* Whether the size is known; else it counts as 0 and the file must be read for it. */
bool maildrop_sized(const struct maildrop *maildrop, uint32_t message);
/* How many sizes are not known. */
uint32_t maildrop_unsized(const struct maildrop *maildrop);
uint64_t maildrop_octets(const struct maildrop *maildrop, uint32_t message);
void maildrop_set_octets(struct maildrop *maildrop, uint32_t message, uint64_t octets);

/* The unique-id, as a string of MAILDROP_UIDL_SIZE bytes at most. */
void maildrop_uidl(const struct maildrop *maildrop, uint32_t message, char *out);
/* The name of the file, for the log; OUT has MAILDIR_NAME_SIZE bytes. */
void maildrop_name(const struct maildrop *maildrop, uint32_t message, char *out);

/* Marks. */
bool maildrop_deleted(const struct maildrop *maildrop, uint32_t message);
void maildrop_delete(struct maildrop *maildrop, uint32_t message);
void maildrop_undelete_all(struct maildrop *maildrop);
/* A rescan did not find the file. */
bool maildrop_gone(const struct maildrop *maildrop, uint32_t message);

/*
 * Opens the file; *length_r is its size in bytes. A descriptor, or: -ENOENT (moved or removed:
 * maildrop_rescan), -EINVAL (no regular file), or another negative errno value.
 */
int maildrop_open_message(struct maildrop *maildrop, uint32_t message, uint64_t *length_r);
/*
 * Reads the first SIZE bytes of the file, or all when it has fewer: opens, reads once, closes. Bytes, or a negative errno value as above. It is not
 * asked whether this is a regular file: what is none gives an error, or nothing, or what somebody who may write to the mailbox put there.
 */
ssize_t maildrop_read_message(struct maildrop *maildrop, uint32_t message, void *out, size_t size);
/*
 * The same in two steps, of which the second needs no maildrop but only that it is not closed yet: another thread may take it. 0 or -ENOENT; then
 * bytes or a negative errno value, besides those above -EPERM: maildrop_read_message finds out why.
 */
int maildrop_find_file(const struct maildrop *maildrop, uint32_t message, struct maildrop_file *file_r);
ssize_t maildrop_read_file(const struct maildrop_file *file, void *out, size_t size);

/*
 * Removes the file. 0 also when somebody else has removed it; -ENOENT: moved or removed, maildrop_rescan and
 * try again; or another negative errno value. What is removed is not synced: a message that comes back after
 * a power cut is no loss.
 */
int maildrop_remove(struct maildrop *maildrop, uint32_t message);
/*
 * After the last maildrop_remove: takes the removed messages off the quota that the mailbox counts in
 * maildirsize, if it has one. SIZES is that file's path relative to the directory. 0 or a negative errno
 * value.
 */
int maildrop_account(struct maildrop *maildrop, const char *sizes);

#endif
