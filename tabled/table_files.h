/*
 * The files of Berkeley DB: their names become durable, which it leaves to the file system, and what is read at start is what is on the disk.
 */
#ifndef ANGARIUM_TABLED_TABLE_FILES_H
#define ANGARIUM_TABLED_TABLE_FILES_H

#include <stddef.h>

/*
 * From now on, each name that Berkeley DB makes in this process is durable before anything is written to it: it believes that a file that is
 * synced will be found. What table_files_failure says is forgotten.
 */
void table_files_init(void);
/* The first file that could not be opened though it may be there, and why; "" when there is none. Berkeley DB's recovery says neither. */
const char *table_files_failure(void);
/*
 * Makes durable what recovery is going to read, and makes the kernel forget it, so that it is read from the disk itself. 0 or a negative errno
 * value; MESSAGE says then, when that is known, which file it is about.
 */
int table_files_settle(int directory, char *message, size_t size);

#endif
