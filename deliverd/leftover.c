/*
 * Removing what a crash left in tmp/. Errors are ignored: the next look finds the file again.
 */
#include "deliverd/leftover.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SLOTS = 16 * 1024, /* a power of two; 128 KiB */
};

struct leftovers {
	int64_t looked[SLOTS]; /* when; 0: never */
};

struct leftovers *
leftovers_new(void)
{
	return calloc(1, sizeof(struct leftovers));
}

void
leftovers_free(struct leftovers **leftovers)
{
	free(*leftovers);
	*leftovers = NULL;
}

/*
 * Two directories may share a slot: the other one then waits until the slot is a day old, which keeps "at
 * most once".
 */
static bool
is_due(struct leftovers *leftovers, uint64_t key, int64_t now)
{
	int64_t *looked = &leftovers->looked[key % SLOTS];

	if (*looked != 0 && *looked <= now && now - *looked < LEFTOVER_INTERVAL)
		return false;
	*looked = now;
	return true;
}

static bool
is_old(int tmp, const char *name, int64_t now)
{
	struct stat status;

	if (fstatat(tmp, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
		return false;
	return now - status.st_mtim.tv_sec > LEFTOVER_AGE && now - status.st_ctim.tv_sec > LEFTOVER_AGE;
}

unsigned
leftovers_remove(struct leftovers *leftovers, uint64_t key, int tmp, int64_t now)
{
	unsigned removed = 0;
	struct dirent *entry;
	DIR *directory;
	int fd;

	if (!is_due(leftovers, key, now))
		return 0;
	fd = openat(tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory = fd < 0 ? NULL : fdopendir(fd);
	if (directory == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (unsigned i = 0; i < LEFTOVER_AT_ONCE && (entry = readdir(directory)) != NULL; i++)
		if (is_old(tmp, entry->d_name, now) && unlinkat(tmp, entry->d_name, 0) == 0)
			removed++;
	closedir(directory);
	return removed;
}
