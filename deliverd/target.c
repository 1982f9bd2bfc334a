/*
 * The steps of one message in one mailbox.
 */
#include "deliverd/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/durable.h"
#include "common/mail/address.h"
#include "common/mail/header.h"
#include "deliverd/quota.h"

enum {
	ADDRESS_TEXT_SIZE = 2 * ADDRESS_MAX + 4, /* bytes of an address with its quotes, and its NUL */
	ADDED_SIZE = 2 * ADDRESS_TEXT_SIZE + 64, /* bytes of the lines that delivery adds */
	ADDED_LINES = 2,
	NAME_ATTEMPTS = 3, /* at a unique name; a second one has never been needed */
};

void
target_close(struct job_target *target)
{
	if (target->fd >= 0)
		close(target->fd);
	target->fd = -1;
}

void
target_fail(struct job_target *target, struct outcome outcome)
{
	struct mailbox *mailbox = target->mailbox;

	target_close(target);
	if (target->state == TARGET_WRITTEN || target->state == TARGET_SYNCED)
		unlinkat(mailbox->tmp, target->unique, 0);
	else if (target->state == TARGET_VISIBLE)
		unlinkat(mailbox->new, target->name, 0);
	if (target->reserved)
		quota_add(mailbox->top, -(int64_t)target->size, -1);
	target->reserved = false;
	mailbox_release(&target->mailbox);
	target->outcome = outcome;
	target->state = TARGET_FAILED;
}

/* RFC 5321 4.4: Return-Path: is the first line. Delivered-To: is what a mail loop is known by. */
static size_t
compose_added(const struct message *message, const char *delivered_to, char *out)
{
	int length = snprintf(out, ADDED_SIZE, "Return-Path: <%.*s>\nDelivered-To: %s\n", (int)message->return_path.length,
	                      message->return_path.data, delivered_to);

	return (size_t)length;
}

static bool
has_been_here(const struct message *message, const char *delivered_to)
{
	struct header_reader reader = header_read(message->header);
	struct header_field field;

	if (!message->delivered_before)
		return false;
	while (header_next(&reader, &field))
		if (slice_equal_nocase(field.name, SLICE("Delivered-To")) &&
		    slice_equal_nocase(slice_trim(field.value), slice_from_string(delivered_to)))
			return true;
	return false;
}

/* 0 when the message is counted, or need not be. */
static int
count_in_quota(struct job_target *target)
{
	int error = 0;

	if (target->quota != 0)
		error = quota_reserve(target->mailbox->top, target->quota, target->size);
	else if (target->mailbox->has_maildirsize)
		quota_add(target->mailbox->top, (int64_t)target->size, 1);
	target->reserved = error == 0 && (target->quota != 0 || target->mailbox->has_maildirsize);
	return error;
}

static struct outcome
quota_outcome(const struct job *job, int error)
{
	if (error != -EDQUOT)
		return outcome_from_error(error);
	return job->over_quota == CONFIG_OVER_QUOTA_REJECT ? outcome_full_reject : outcome_full_defer;
}

static int
create_file(struct store *store, struct job_target *target)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	for (unsigned attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
		maildir_name_unique(target->unique, clock_wall_us(), store->process, store->deliveries++, store->host);
		target->fd = openat(target->mailbox->tmp, target->unique, flags, 0600);
		if (target->fd >= 0 || errno != EEXIST)
			break;
	}
	if (target->fd < 0)
		return -errno;
	target->state = TARGET_WRITTEN;
	return 0;
}

/* The mailbox, and a file in its tmp/. A mailbox that was removed since it was opened is made once more. */
static int
find_mailbox(struct store *store, struct job_target *target, const char *directory)
{
	int error;

	for (unsigned attempt = 0;; attempt++) {
		error = mailbox_hold(store->mailboxes, target->path, directory, clock_monotonic_ms(), &target->mailbox);
		if (error != 0)
			return error;
		error = create_file(store, target);
		if (error != -ENOENT || attempt == 1)
			return error;
		mailbox_forget(store->mailboxes, target->mailbox);
		mailbox_release(&target->mailbox);
	}
}

static void
write_first(const struct message *message, struct job_target *target, const char *added, size_t added_length)
{
	struct slice body = message->job->body;
	struct iovec vector[2] = {
		{ .iov_base = (void *)(uintptr_t)added, .iov_len = added_length },
		{ .iov_base = (void *)(uintptr_t)body.data, .iov_len = body.length },
	};
	int error = durable_writev(target->fd, vector, body.length > 0 ? 2 : 1);

	if (error != 0)
		target_fail(target, outcome_from_error(error));
}

void
target_begin(struct store *store, const struct message *message, struct job_target *target)
{
	const struct job *job = message->job;
	char directory[MAILDIR_FOLDER_SIZE];
	char delivered_to[ADDRESS_TEXT_SIZE];
	char added[ADDED_SIZE];
	size_t added_length;
	int error;

	if (maildir_path_check(slice_from_string(target->path)) != 0 ||
	    maildir_folder_directory(slice_from_string(target->folder), directory) != 0) {
		target_fail(target, outcome_bad_path);
		return;
	}
	address_format_quoted(slice_from_string(target->delivered_to), delivered_to, sizeof(delivered_to));
	if (delivered_to[0] == '\0' || (message->return_path.length == 0 && job->reverse_path[0] != '\0')) {
		target_fail(target, outcome_bad_address);
		return;
	}
	if (has_been_here(message, delivered_to)) {
		target_fail(target, outcome_loop);
		return;
	}
	added_length = compose_added(message, delivered_to, added);
	target->size = added_length + job->body.length;
	target->wire_size = added_length + ADDED_LINES + job->body_wire_size;
	error = find_mailbox(store, target, directory);
	if (error != 0) {
		target_fail(target, outcome_from_error(error));
		return;
	}
	/* The size of a body in a descriptor is known when it has been converted. */
	error = job->fd >= 0 ? 0 : count_in_quota(target);
	if (error != 0) {
		target_fail(target, quota_outcome(job, error));
		return;
	}
	write_first(message, target, added, added_length);
}

void
target_append(struct job_target *target, struct slice piece)
{
	int error = durable_write(target->fd, piece.data, piece.length);

	if (error != 0)
		target_fail(target, outcome_from_error(error));
}

void
target_complete(const struct job *job, struct job_target *target, uint64_t size, uint64_t wire_size)
{
	int error;

	if (job->fd >= 0) {
		target->size += size;
		target->wire_size += wire_size;
		error = count_in_quota(target);
		if (error != 0) {
			target_fail(target, quota_outcome(job, error));
			return;
		}
	}
	maildir_name_sized(target->name, target->unique, target->size, target->wire_size);
}

void
target_publish(struct store *store, struct job_target *target)
{
	struct mailbox *mailbox = target->mailbox;
	int error;

	if (renameat(mailbox->tmp, target->unique, mailbox->new, target->name) == 0) {
		mailbox->to_sync = true;
		target->state = TARGET_VISIBLE;
		return;
	}
	error = -errno;
	if (error == -ENOENT)
		mailbox_forget(store->mailboxes, mailbox);
	target_fail(target, outcome_from_error(error));
}

void
target_finish(struct job_target *target)
{
	mailbox_release(&target->mailbox);
	target->outcome = outcome_delivered;
	target->state = TARGET_DONE;
}
