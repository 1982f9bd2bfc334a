/*
 * What the machine itself can do with the bytes of a delivery, without any mail server:
 *
 *   bench_floor DIRECTORY MESSAGES SIZE BATCH
 *
 * For each BATCH messages of SIZE bytes: one append to a log and its fdatasync, then BATCH files in tmp/, one syncfs, BATCH renames into
 * new/. One syncfs more at the end makes the last renames durable, as each does for those before it. Prints messages a second.
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
		fprintf(stderr, "usage: bench_floor DIRECTORY MESSAGES SIZE BATCH\n");
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

	if (fd < 0 || (errno = posix_fallocate(fd, 0, (off_t)bytes)) != 0 || fsync(fd) != 0)
		fatal("log");
	return fd;
}

static void
write_batch(const char *data, size_t size, uint64_t first, uint64_t count)
{
	char from[32], to[32];

	for (uint64_t i = first; i < first + count; i++) {
		int fd;

		snprintf(from, sizeof(from), "tmp/%" PRIu64, i);
		fd = open(from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			fatal(from);
		write_all(fd, data, size);
		close(fd);
	}
	{
		int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || syncfs(fd) != 0)
			fatal("syncfs");
		close(fd);
	}
	for (uint64_t i = first; i < first + count; i++) {
		snprintf(from, sizeof(from), "tmp/%" PRIu64, i);
		snprintf(to, sizeof(to), "new/%" PRIu64, i);
		if (rename(from, to) != 0)
			fatal(to);
	}
}

int
main(int argc, char **argv)
{
	uint64_t messages, size, batch;
	int64_t start;
	char *data;
	int log;

	if (argc != 5 || chdir(argv[1]) != 0)
		fatal("usage: bench_floor DIRECTORY MESSAGES SIZE BATCH");
	messages = number(argv[2]);
	size = number(argv[3]);
	batch = number(argv[4]);
	data = malloc(size * batch);
	if (data == NULL || mkdir("tmp", 0700) != 0 || mkdir("new", 0700) != 0)
		fatal("start");
	memset(data, 'x', size * batch);
	log = open_log(messages * size);
	start = clock_monotonic_ms();
	for (uint64_t done = 0; done < messages; done += batch) {
		uint64_t count = messages - done < batch ? messages - done : batch;

		write_all(log, data, size * count);
		if (fdatasync(log) != 0)
			fatal("fdatasync");
		write_batch(data, size, done, count);
	}
	if (syncfs(log) != 0)
		fatal("syncfs");
	printf("%.0f\n", (double)messages * 1000 / (double)(clock_monotonic_ms() - start));
	close(log);
	free(data);
	return EXIT_SUCCESS;
}
