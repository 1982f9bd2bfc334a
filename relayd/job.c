/*
 * Jobs: one allocation holds the job, its recipients, and a copy of the frame that it came in, into which its slices point.
 */
#include "relayd/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/mail/envelope.h"
#include "common/mail/idna.h"
#include "common/mail/queueid.h"

enum {
	RECIPIENT_FIELDS_MIN = 4 + 4 + 1, /* bytes of a recipient's fields when both strings are empty */
};

/* A string that becomes part of a command: no byte of it may end the command. Makes the reader bad otherwise. */
static struct slice
get_words(struct wire_reader *reader, size_t most)
{
	struct slice s = wire_get_slice(reader);

	if (s.length > most)
		reader->bad = true;
	for (size_t i = 0; i < s.length; i++)
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 0x7f)
			reader->bad = true;
	return s;
}

static void
get_recipient(struct wire_reader *reader, struct client_recipient *recipient)
{
	recipient->address = get_words(reader, ENVELOPE_ADDRESS_MAX);
	recipient->orcpt = get_words(reader, ENVELOPE_ORCPT_MAX);
	recipient->notify = wire_get_u8(reader);
	if (recipient->address.length == 0)
		reader->bad = true;
}

/* Whether it is as long as announced is seen when it is read: it may be cut until then. */
static int
check_file(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	return S_ISREG(status.st_mode) ? 0 : -EPROTO;
}

/* The fields before the recipients. */
static void
get_head(struct wire_reader *reader, struct job *job)
{
	struct client_transaction *transaction = &job->transaction;
	struct slice domain;
	int error;

	job->id = wire_get_u64(reader);
	job->arrival = (int64_t)wire_get_u64(reader);
	domain = get_words(reader, ADDRESS_DOMAIN_MAX);
	/* DNS knows A-labels. What has none is asked for as it is, and not found. */
	error = reader->bad ? 0 : idna_to_ascii(domain, job->domain);
	if (error == -EINVAL)
		error = slice_to_string(domain, job->domain, sizeof(job->domain));
	if (error != 0)
		reader->bad = true;
	if (!route_get(reader, &job->route))
		reader->bad = true;
	job->backup = wire_get_u8(reader) != 0;
	transaction->flags = wire_get_u8(reader);
	transaction->sender = get_words(reader, ENVELOPE_ADDRESS_MAX);
	transaction->envid = get_words(reader, ENVELOPE_ENVID_MAX);
	transaction->size = wire_get_u64(reader);
	transaction->checksum = wire_get_u32(reader);
	transaction->body = wire_get_slice(reader);
	transaction->recipient_count = wire_get_u32(reader);
	if (transaction->recipient_count == 0 || transaction->recipient_count > RELAY_TARGETS_MAX || transaction->size > INT64_MAX)
		reader->bad = true;
}

int
job_decode(struct wire_reader *reader, int fd, struct job **job_r)
{
	struct wire_reader copy = *reader;
	size_t length = wire_left(reader);
	struct client_transaction *transaction;
	struct job head, *job;
	size_t fixed;
	int error = 0;

	/* Once over the frame, since the size of the job depends on the count of recipients; then over its copy, for slices that stay. */
	get_head(&copy, &head);
	if (copy.bad || wire_left(&copy) < head.transaction.recipient_count * RECIPIENT_FIELDS_MIN)
		return -EPROTO;
	fixed = sizeof(*job) + head.transaction.recipient_count * sizeof(job->recipients[0]);
	job = malloc(fixed + length);
	if (job == NULL)
		return -ENOMEM;
	memset(job, 0, fixed);
	memcpy((char *)job + fixed, reader->next, length);
	job->memory = fixed + length;
	job->destination = RELAY_DESTINATION_UNKNOWN;
	transaction = &job->transaction;
	transaction->recipients = job->recipients;
	transaction->body_fd = -1;
	copy = wire_read(slice_of((char *)job + fixed, length));
	get_head(&copy, job);
	for (size_t i = 0; i < transaction->recipient_count; i++)
		get_recipient(&copy, &job->recipients[i]);
	if (!wire_done(&copy) || transaction->body.length != (fd < 0 ? transaction->size : 0))
		error = -EPROTO;
	else if (fd >= 0)
		error = check_file(fd);
	if (error != 0) {
		job_free(&job);
		return error;
	}
	reader->next = reader->end;
	transaction->body_fd = fd;
	*job_r = job;
	return 0;
}

void
job_decide(struct job *job, const struct client_result *result)
{
	for (size_t i = 0; i < job->transaction.recipient_count; i++)
		job->recipients[i].result = *result;
}

void
job_put_reply(const struct job *job, struct wire_writer *writer)
{
	wire_put_u8(writer, (uint8_t)job->destination);
	wire_put_string(writer, job->remote);
	wire_put_u8(writer, job->dsn);
	wire_put_u32(writer, (uint32_t)job->transaction.recipient_count);
	for (size_t i = 0; i < job->transaction.recipient_count; i++) {
		const struct client_result *result = &job->recipients[i].result;

		wire_put_u8(writer, (uint8_t)result->result);
		wire_put_string(writer, result->status);
		wire_put_string(writer, result->text);
	}
}

static bool
same_result(const struct client_result *a, const struct client_result *b)
{
	return a->result == b->result && strcmp(a->status, b->status) == 0 && strcmp(a->text, b->text) == 0;
}

static void
log_result(const struct job *job, const struct client_recipient *recipient, unsigned count, const char *tls)
{
	static const struct {
		int priority;
		const char *event;
	} kinds[] = {
		[RELAY_DONE] = { LOG_INFO, "relay.done" },
		[RELAY_TEMPORARY] = { LOG_WARNING, "relay.deferred" },
		[RELAY_PERMANENT] = { LOG_WARNING, "relay.failed" },
		[RELAY_DAMAGED] = { LOG_ERR, "relay.damaged" },
	};
	const struct client_result *result = &recipient->result;
	char id[QUEUEID_SIZE];

	queueid_format(job->id, id);
	log_event(kinds[result->result].priority, kinds[result->result].event, LOG_STRING("queue_id", id),
	          LOG_SLICE("to", recipient->address), LOG_UINT("count", count), LOG_STRING("domain", job->domain),
	          LOG_STRING("remote", job->remote), LOG_STRING("tls", tls), LOG_STRING("status", result->status),
	          LOG_STRING("text", result->text), LOG_UINT("size", job->transaction.size),
	          LOG_INT("delay", clock_wall() - job->arrival));
}

void
job_log(const struct job *job, const char *tls)
{
	const struct client_recipient *recipients = job->recipients;
	bool logged[RELAY_TARGETS_MAX] = { false };

	for (size_t i = 0; i < job->transaction.recipient_count; i++) {
		unsigned count = 0;

		if (logged[i])
			continue;
		for (size_t j = i; j < job->transaction.recipient_count; j++) {
			if (logged[j] || !same_result(&recipients[i].result, &recipients[j].result))
				continue;
			logged[j] = true;
			count++;
		}
		log_result(job, &recipients[i], count, tls);
	}
}

const char *
job_key(const struct job *job, char *out)
{
	char words[ROUTE_TEXT_MAX];
	const struct route *route = &job->route;
	bool by_domain = route->kind == ROUTE_MX && route->host.length == 0;

	snprintf(out, JOB_KEY_MAX, "%s %d%d %s %.*s", route_format(route, words), (int)route->tls, job->backup,
	         by_domain ? job->domain : "", (int)route->login.length, route->login.data);
	return out;
}

void
job_free(struct job **job)
{
	if (*job == NULL)
		return;
	if ((*job)->transaction.body_fd >= 0)
		close((*job)->transaction.body_fd);
	route_wipe(&(*job)->route);
	free(*job);
	*job = NULL;
}
