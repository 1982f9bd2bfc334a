/*
 * Frames of jobs as relayd takes them from queued: whatever is in them, a job is made whole or not at all.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/job.h"
#include "relayd/literal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
touch(struct slice s)
{
	for (size_t i = 0; i < s.length; i++)
		if (s.data[i] == '\n')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader reader = wire_read(slice_of(data, size));
	struct resolve_address address;
	char key[JOB_KEY_MAX];
	struct buffer out;
	struct wire_writer writer;
	struct job *job;

	if (job_decode(&reader, -1, &job) != 0)
		return 0;
	touch(job->transaction.sender);
	touch(job->transaction.envid);
	for (size_t i = 0; i < job->transaction.recipient_count; i++) {
		touch(job->recipients[i].address);
		touch(job->recipients[i].orcpt);
	}
	if (strlen(job_key(job, key)) >= sizeof(key))
		abort();
	(void)literal_of_domain(slice_from_string(job->domain), &address);
	(void)literal_of_host(job->route.host, &address);
	buffer_init(&out, 1024 * 1024);
	writer = wire_begin_bare(&out);
	job_put_reply(job, &writer);
	if (wire_end_bare(&writer) != 0)
		abort();
	buffer_free(&out);
	job_free(&job);
	return 0;
}
