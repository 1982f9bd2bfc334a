/*
 * The maildirsize file. It is advice that heals itself, not a record that must survive: it is never synced.
 */
#include "deliverd/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/durable.h"
#include "common/mail/maildir.h"
#include "deliverd/quota_count.h"

#define QUOTA_FILE "maildirsize"

enum {
	LINE_SIZE = 64, /* bytes that every line fits in, with its NUL */
};

static struct slice
next_line(struct slice *text)
{
	size_t end = slice_find(*text, '\n');
	struct slice line = slice_first(*text, end);

	*text = slice_from(*text, end + 1);
	return line;
}

static int
parse_signed(struct slice word, int64_t *number_r)
{
	bool negative = word.length > 0 && word.data[0] == '-';
	uint64_t number;

	if (slice_to_number(slice_from(word, negative ? 1 : 0), INT64_MAX, &number) != 0)
		return -EINVAL;
	*number_r = negative ? -(int64_t)number : (int64_t)number;
	return 0;
}

static void
add_bounded(int64_t *sum, int64_t number)
{
	if (__builtin_add_overflow(*sum, number, sum))
		*sum = number < 0 ? INT64_MIN : INT64_MAX;
}

/* "1000000S", "1000000S,100C": the bytes are ours to compare, a limit of messages is somebody else's. */
static bool
is_limit(struct slice line, uint64_t limit)
{
	while (line.length > 0) {
		size_t end = slice_find(line, ',');
		struct slice field = slice_first(line, end);
		uint64_t number;

		line = slice_from(line, end + 1);
		if (field.length < 2 || field.data[field.length - 1] != 'S')
			continue;
		return slice_to_number(slice_first(field, field.length - 1), UINT64_MAX, &number) == 0 && number == limit;
	}
	return false;
}

int
quota_parse(struct slice text, uint64_t limit, struct quota_usage *usage_r)
{
	*usage_r = (struct quota_usage){ 0 };
	if (!is_limit(next_line(&text), limit))
		return -EINVAL;
	while (text.length > 0) {
		struct slice line = next_line(&text);
		struct slice bytes_word = slice_word(&line);
		struct slice count_word = slice_word(&line);
		int64_t bytes;
		int64_t count;

		if (parse_signed(bytes_word, &bytes) != 0 || parse_signed(count_word, &count) != 0 ||
		    slice_trim(line).length > 0)
			return -EINVAL;
		add_bounded(&usage_r->bytes, bytes);
		add_bounded(&usage_r->count, count);
		usage_r->lines++;
	}
	return usage_r->lines == 0 ? -EINVAL : 0;
}

bool
quota_fits(const struct quota_usage *usage, uint64_t limit, uint64_t size)
{
	uint64_t used = usage->bytes < 0 ? 0 : (uint64_t)usage->bytes;

	return used <= limit && size <= limit - used;
}

/* A regular file for adding lines, or a negative errno value: a FIFO must not hold us up. */
static int
quota_open(int top, int flags, struct stat *status_r)
{
	int fd = openat(top, QUOTA_FILE, flags | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, status_r) == 0 && S_ISREG(status_r->st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

static void
add_line(int fd, int64_t bytes, int64_t count)
{
	char line[LINE_SIZE];
	int length = snprintf(line, sizeof(line), "%lld %lld\n", (long long)bytes, (long long)count);

	(void)durable_write(fd, line, (size_t)length); /* in one write: others add lines at the same time */
}

void
quota_add(int top, int64_t bytes, int64_t count)
{
	struct stat status;
	int fd = quota_open(top, O_WRONLY, &status);

	if (fd < 0)
		return;
	add_line(fd, bytes, count);
	close(fd);
}

/*
 * What the file says. *fresh_r: nothing was added since it was made anew a short while ago. The descriptor
 * for adding a line, or a negative errno value.
 */
static int
quota_read(int top, uint64_t limit, struct quota_usage *usage_r, bool *fresh_r)
{
	char text[QUOTA_FILE_MAX];
	struct stat status;
	int fd = quota_open(top, O_RDWR, &status);
	ssize_t length;
	int64_t age;

	if (fd < 0)
		return fd;
	length = pread(fd, text, sizeof(text), 0);
	if (length < 0 || length >= QUOTA_FILE_MAX || quota_parse(slice_of(text, (size_t)length), limit, usage_r) != 0) {
		close(fd);
		return -EINVAL;
	}
	age = clock_wall() - status.st_mtim.tv_sec;
	*fresh_r = usage_r->lines == 1 && age >= 0 && age < QUOTA_FRESH; /* the clock may have been set back */
	return fd;
}

/* Makes the file that says what USAGE does, in TMP, and moves it to its place in TOP. */
static int
replace_through(int tmp, int top, uint64_t limit, const struct quota_usage *usage)
{
	char text[2 * LINE_SIZE];
	char name[LINE_SIZE];
	int length = snprintf(text, sizeof(text), "%lluS\n%lld %lld\n", (unsigned long long)limit,
	                      (long long)usage->bytes, (long long)usage->count);
	int error;
	int fd;

	snprintf(name, sizeof(name), QUOTA_FILE ".%ld", (long)getpid());
	unlinkat(tmp, name, 0); /* left by a crash */
	fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = durable_write(fd, text, (size_t)length);
	close(fd);
	if (error == 0 && renameat(tmp, name, top, QUOTA_FILE) != 0)
		error = -errno;
	if (error != 0)
		unlinkat(tmp, name, 0);
	return error;
}

static int
quota_replace(int top, uint64_t limit, const struct quota_usage *usage)
{
	int tmp = maildir_open_directory(top, "tmp", O_PATH);
	int error;

	if (tmp < 0)
		return tmp;
	error = replace_through(tmp, top, limit, usage);
	close(tmp);
	return error;
}

/* Counts the mailbox and makes the file anew. */
static int
quota_recount(int top, uint64_t limit, struct quota_usage *usage_r)
{
	struct quota_change before;
	struct quota_change after;
	int error = quota_count(top, usage_r, &before);

	if (error != 0)
		return error;
	/* A file that cannot be written, on a full disk say, costs a count the next time. */
	if (quota_replace(top, limit, usage_r) != 0)
		return 0;
	/* What changed meanwhile was perhaps counted, perhaps not. */
	if (quota_count(top, NULL, &after) != 0 || after.directories != before.directories ||
	    after.latest.tv_sec != before.latest.tv_sec || after.latest.tv_nsec != before.latest.tv_nsec)
		unlinkat(top, QUOTA_FILE, 0);
	return 0;
}

int
quota_reserve(int top, uint64_t limit, uint64_t size)
{
	struct quota_usage usage;
	bool fresh = false;
	int fd = quota_read(top, limit, &usage, &fresh);
	int error;

	if (fd < 0 || (!fresh && !quota_fits(&usage, limit, size))) {
		if (fd >= 0)
			close(fd);
		error = quota_recount(top, limit, &usage);
		if (error != 0)
			return error;
		fd = -1;
	}
	if (!quota_fits(&usage, limit, size)) {
		if (fd >= 0)
			close(fd);
		return -EDQUOT;
	}
	if (fd < 0) {
		quota_add(top, (int64_t)size, 1);
		return 0;
	}
	add_line(fd, (int64_t)size, 1);
	close(fd);
	return 0;
}
