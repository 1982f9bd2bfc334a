/*
 * What queued finds in a spool: recovers each spool that is named on standard input, and prints what lives in it. For t/crash/power.
 *
 *   in:   PATH
 *   out:  message ID DIGEST             of the body behind its first header field, without CRs (SHA-256; "-": it cannot be read)
 *         reports ID ORIGINAL           when it is a report about ORIGINAL
 *         failed ID ADDRESS             of each recipient that this report says to have failed
 *         mark ID held|warned|returned  what holds of the whole message
 *         recipient ID STATE ADDRESS    of each index that is known
 *         ... event=...                 lines of the log, as they come
 *         done RESULT                   of store_open
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/durable.h"
#include "common/mail/envelope.h"
#include "common/mail/queueid.h"
#include "queued/segment.h"
#include "queued/store.h"

enum { PATH_SIZE = 4096, BODY_MAX = 64 * 1024 * 1024 };

/* Nothing is written here, so nothing is synced. */
static int
refuse_sync(struct disk *disk, int fd, enum disk_what what, disk_done *done, void *context)
{
	(void)disk;
	(void)fd;
	(void)what;
	(void)done;
	(void)context;
	return -ENOMEM;
}

static void
ignore_wake(void *context)
{
	(void)context;
}

static struct slice
skip_first_field(struct slice body)
{
	for (size_t i = 0; i + 1 < body.length; i++)
		if (body.data[i] == '\n' && body.data[i + 1] != ' ' && body.data[i + 1] != '\t')
			return slice_from(body, i + 1);
	return slice_from(body, body.length);
}

static void
print_digest(struct slice body)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct slice rest = skip_first_field(body);
	unsigned size = 0;
	size_t from = 0;

	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	for (size_t i = 0; i <= rest.length; i++) {
		if (i < rest.length && rest.data[i] != '\r')
			continue;
		EVP_DigestUpdate(context, rest.data + from, i - from);
		from = i + 1;
	}
	EVP_DigestFinal_ex(context, digest, &size);
	EVP_MD_CTX_free(context);
	for (unsigned i = 0; i < size; i++)
		printf("%02x", digest[i]);
}

static int
print_file_digest(const struct store *store, const struct message *message)
{
	char *bytes = message->body_size > BODY_MAX ? NULL : malloc(message->body_size + 1);
	int fd = store_open_body(store, message->id);
	int error = bytes == NULL ? -ENOMEM : fd < 0 ? fd : durable_pread(fd, bytes, message->body_size, 0);

	if (error == 0)
		print_digest(slice_of(bytes, message->body_size));
	if (fd >= 0)
		close(fd);
	free(bytes);
	return error;
}

/* What stands behind WORDS in TEXT, up to the line's end; *text goes on behind that. False when there is none. */
static bool
find_behind(struct slice *text, struct slice words, struct slice *found_r)
{
	const char *found = memmem(text->data, text->length, words.data, words.length);

	if (found == NULL)
		return false;
	*text = slice_from(*text, (size_t)(found - text->data) + words.length);
	*found_r = slice_first(*text, slice_find(*text, '\r'));
	*text = slice_from(*text, found_r->length);
	return true;
}

/* Reports are small, and stand in their records. */
static void
print_report(const char *name, struct slice body)
{
	struct slice found;

	if (!find_behind(&body, SLICE("\r\nX-Angarium-Queue-ID: "), &found))
		return;
	printf("reports %s %.*s\n", name, (int)found.length, found.data);
	while (find_behind(&body, SLICE("\r\nFinal-Recipient: rfc822; "), &found))
		if (slice_starts_nocase(body, SLICE("\r\nAction: failed\r\n")))
			printf("failed %s %.*s\n", name, (int)found.length, found.data);
}

static void
print_recipients(const struct message *message, const char *name, struct slice encoded)
{
	struct envelope envelope;

	if (envelope_decode(encoded, &envelope) != 0)
		return;
	for (uint32_t i = 0; i < message->index_count; i++) {
		const struct expansion *expansion = i < envelope.recipient_count ? NULL : message_expansion_of(message, i);
		struct slice address = i < envelope.recipient_count ? envelope.recipients[i].address
		                       : expansion != NULL          ? expansion->targets[i - expansion->first].address
		                                                    : SLICE("-");

		if (message_state(message, i) != RECIPIENT_ABSENT)
			printf("recipient %s %d %.*s\n", name, (int)message_state(message, i), (int)address.length, address.data);
	}
	envelope_free(&envelope);
}

static void
print_marks(const struct message *message, const char *name)
{
	if (message->held)
		printf("mark %s held\n", name);
	if (message->warned)
		printf("mark %s warned\n", name);
	if (message->returned)
		printf("mark %s returned\n", name);
}

static void
print_message(void *context, struct message *message)
{
	struct store *store = context;
	struct message_payload parsed;
	struct record *record = NULL;
	char name[QUEUEID_SIZE];
	int error = store_read(store, message, &record);

	queueid_format(message->id, name);
	if (error == 0)
		error = payload_message_parse(record_payload_slice(record), &parsed);
	printf("message %s ", name);
	if (error == 0 && !parsed.body_in_file)
		print_digest(parsed.body);
	if (error != 0 || (parsed.body_in_file && print_file_digest(store, message) != 0))
		printf("-");
	printf("\n");
	if (error == 0 && !parsed.body_in_file)
		print_report(name, parsed.body);
	if (error == 0)
		print_recipients(message, name, parsed.envelope);
	print_marks(message, name);
	record_release(&record);
}

static int
recover(const char *directory)
{
	struct disk disk = { .sync = refuse_sync };
	struct store_options options = {
		.directory = directory,
		.segment_size = SEGMENT_SIZE_MIN,
		.disk = &disk,
		.wake = ignore_wake,
	};
	struct store *store = NULL;
	int error = store_open(&options, &store);

	if (error == 0)
		store_each(store, print_message, store);
	store_close(&store);
	return error;
}

int
main(void)
{
	char line[PATH_SIZE];

	log_open("recover_queue", NULL, LOG_TO_STDERR, -1);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		printf("done %d\n", recover(line));
	}
	return 0;
}
