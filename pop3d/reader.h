/*
 * A second pair of hands: a thread that reads the files of small messages while the process does something else.
 *
 * The process makes a list of files, in the order in which it will want them, and hands it over. From then on both read. Each takes the first file that
 * nobody has taken yet: the thread again and again, and the process when it wants one that is not there yet. So the process never waits while there
 * is something to read, and it makes no difference when the thread is late, or how many processors there are. On a disk that is slow two reads
 * are under way at once, and the thread's while the process sends.
 *
 *   state of a file   who may touch it
 *   listed            the process until it hands the list over; then nobody
 *   taken             who took it, by counting UNTAKEN down
 *   read              the process; what was read stays until the list makes place for another
 *
 * The thread holds WORKING from before it takes a file until it has read it. So it has nothing in its hands when UNTAKEN is 0 and the process has, or
 * once had, that lock; only then may the list be made anew, or a directory of its files be closed. The thread touches nothing else: no session, no
 * maildrop, no log.
 *
 * There is one thread for all sessions of a process, with a list that is one session's at a time (pop3d/pipeline.h). It lives as long as the process.
 */
#ifndef ANGARIUM_POP3D_READER_H
#define ANGARIUM_POP3D_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pop3d/maildrop.h"

struct reader;
struct reader_file;

enum {
	READER_FILES_MAX = 64,      /* of a list */
	READER_MEMORY = 512 * 1024, /* bytes of all that a list has read */
};

/* Starts the thread. 0 or a negative errno value. */
int reader_new(struct reader **reader_r);

/* Whether files are still to be read, or one is being read by the thread. */
bool reader_busy(struct reader *reader);
/* An empty list for OWNER, whose files are found by no other, in the place of the last. Not while the reader is busy. */
void reader_begin(struct reader *reader, const void *owner);
/* Lists MESSAGE, of which the first SIZE bytes are wanted. 0, -ENOENT (maildrop_gone), or -ENOBUFS: the list is full. */
int reader_add(struct reader *reader, const struct maildrop *maildrop, uint32_t message, size_t size);
/* Hands the list over. */
void reader_go(struct reader *reader);

/* The first of OWNER's files for MESSAGE that is listed behind the last one that was used, or NULL. */
struct reader_file *reader_find(struct reader *reader, const void *owner, uint32_t message);
/* Whether it has been read, in vain or not. */
bool reader_has_read(const struct reader_file *file);
/* Reads the first file that nobody has taken. False: there is none. */
bool reader_help(struct reader *reader);
/*
 * What was read: bytes at *bytes_r, until the list is made anew, or a negative errno value; -EAGAIN: not yet. The file and those before it are not
 * found any more.
 */
ssize_t reader_use(struct reader *reader, const struct reader_file *file, const char **bytes_r);

/* OWNER's list is over: what nobody has taken stays unread. Waits for the one file that the thread may have in its hands. */
void reader_forget(struct reader *reader, const void *owner);

#endif
