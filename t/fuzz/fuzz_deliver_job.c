/*
 * A JOBS_JOB's fields from anywhere: decoded within bounds or refused, and its line ends converted.
 */
#include <stdlib.h>

#include "deliverd/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader reader = wire_read(slice_of(data, size));
	char directory[MAILDIR_FOLDER_SIZE];
	struct job *job = NULL;

	if (job_decode(&reader, -1, &job) != 0)
		return 0;
	if (job->body.length > job->size || job->body_wire_size < job->body.length)
		abort();
	for (uint32_t i = 0; i < job->target_count; i++) {
		(void)maildir_path_check(slice_from_string(job->targets[i].path));
		if (maildir_folder_directory(slice_from_string(job->targets[i].folder), directory) == 0 && strchr(directory, '/') != NULL)
			abort();
	}
	job_free(&job);
	return 0;
}
