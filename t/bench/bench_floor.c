/*
 * What the machine itself can do with the bytes of a delivery, without any mail server:
 *
 *   bench_floor DIRECTORY MESSAGES SIZE BATCH MAILBOXES
 *
 * For each BATCH messages of SIZE bytes: one append to a log (of blocks that were written before) and its fdatasync, then for each of them a file in tmp/ of each mailbox, one
 * syncfs for all of these, and as many renames into new/. One syncfs more at the end makes the last renames durable, as each does for those before it. Prints messages a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/slice.h"
#include "common/io/durable.h"

enum {
	PATH_SIZE = 64,
};

static void
fatal(const char *what)
{
	fprintf(stderr, "bench_floor: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t
number(const char *text)
{
	uint64_t value;

	if (slice_to_number(slice_from_string(text), UINT32_MAX, &value) != 0 || value == 0) {
		fprintf(stderr, "usage: bench_floor DIRECTORY MESSAGES SIZE BATCH MAILBOXES\n");
		exit(EXIT_FAILURE);
	}
	return value;
}

static void
write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t count = write(fd, data, length);

		if (count < 0)
			fatal("write");
		data += count;
		length -= (size_t)count;
	}
}

static int
open_log(uint64_t bytes)
{
	int fd = open("log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || (errno = -durable_reserve(fd, (off_t)bytes)) != 0 || (errno = -durable_fill(fd, (off_t)bytes)) != 0 || fsync(fd) != 0)
		fatal("log");
	return fd;
}

static void
make_mailboxes(uint64_t mailboxes)
{
	for (uint64_t mailbox = 0; mailbox < mailboxes; mailbox++) {
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%" PRIu64, mailbox);
		if (mkdir(path, 0700) != 0)
			fatal(path);
		snprintf(path, sizeof(path), "%" PRIu64 "/tmp", mailbox);
		if (mkdir(path, 0700) != 0)
			fatal(path);
		snprintf(path, sizeof(path), "%" PRIu64 "/new", mailbox);
		if (mkdir(path, 0700) != 0)
			fatal(path);
	}
}

static void
write_copy(const char *data, size_t size, uint64_t mailbox, uint64_t message)
{
	char path[PATH_SIZE];
	int fd;

	snprintf(path, sizeof(path), "%" PRIu64 "/tmp/%" PRIu64, mailbox, message);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		fatal(path);
	write_all(fd, data, size);
	close(fd);
}

static void
show_copy(uint64_t mailbox, uint64_t message)
{
	char from[PATH_SIZE], to[PATH_SIZE];

	snprintf(from, sizeof(from), "%" PRIu64 "/tmp/%" PRIu64, mailbox, message);
	snprintf(to, sizeof(to), "%" PRIu64 "/new/%" PRIu64, mailbox, message);
	if (rename(from, to) != 0)
		fatal(to);
}

static void
write_batch(int log, const char *data, size_t size, uint64_t first, uint64_t count, uint64_t mailboxes)
{
	write_all(log, data, size * count);
	if (fdatasync(log) != 0)
		fatal("fdatasync");
	for (uint64_t message = first; message < first + count; message++)
		for (uint64_t mailbox = 0; mailbox < mailboxes; mailbox++)
			write_copy(data, size, mailbox, message);
	if (syncfs(log) != 0)
		fatal("syncfs");
	for (uint64_t message = first; message < first + count; message++)
		for (uint64_t mailbox = 0; mailbox < mailboxes; mailbox++)
			show_copy(mailbox, message);
}

int
main(int argc, char **argv)
{
	uint64_t messages, size, batch, mailboxes;
	int64_t start;
	char *data;
	int log;

	if (argc != 6 || chdir(argv[1]) != 0)
		fatal("usage: bench_floor DIRECTORY MESSAGES SIZE BATCH MAILBOXES");
	messages = number(argv[2]);
	size = number(argv[3]);
	batch = number(argv[4]);
	mailboxes = number(argv[5]);
	data = malloc(size * batch);
	if (data == NULL)
		fatal("start");
	make_mailboxes(mailboxes);
	memset(data, 'x', size * batch);
	log = open_log(messages * size);
	start = clock_monotonic_ms();
	for (uint64_t done = 0; done < messages; done += batch)
		write_batch(log, data, size, done, messages - done < batch ? messages - done : batch, mailboxes);
	if (syncfs(log) != 0)
		fatal("syncfs");
	printf("%.0f\n", (double)messages * 1000 / (double)(clock_monotonic_ms() - start));
	close(log);
	free(data);
	return EXIT_SUCCESS;
}
