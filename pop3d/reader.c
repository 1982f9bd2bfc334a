/*
 * The list of files, and the thread.
 */
#include "pop3d/reader.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/thread.h"

struct reader_file {
	struct maildrop_file file;
	uint32_t message;
	char *bytes; /* of the reader's memory */
	size_t size;
	_Atomic(ssize_t) got; /* bytes or a negative errno value; -EAGAIN: not read yet */
};

struct reader {
	/* The process's alone. */
	const void *owner; /* NULL: the list is nobody's */
	uint32_t next;     /* behind the last file that was used */
	size_t used;       /* of MEMORY */

	sem_t handed_over;
	pthread_mutex_t working; /* the thread has a file in its hands */
	atomic_uint untaken;     /* files at the end of the list that nobody has taken */
	uint32_t count;
	struct reader_file files[READER_FILES_MAX];
	char memory[READER_MEMORY];
};

/* The first file that nobody has taken; NULL: there is none. */
static struct reader_file *
take(struct reader *reader)
{
	unsigned untaken = atomic_load(&reader->untaken);

	do {
		if (untaken == 0)
			return NULL;
	} while (!atomic_compare_exchange_weak(&reader->untaken, &untaken, untaken - 1));
	return &reader->files[reader->count - untaken];
}

bool
reader_help(struct reader *reader)
{
	struct reader_file *file = take(reader);

	if (file == NULL)
		return false;
	atomic_store_explicit(&file->got, maildrop_read_file(&file->file, file->bytes, file->size), memory_order_release);
	return true;
}

static void *
run(void *context)
{
	struct reader *reader = context;
	bool more = false;

	for (;;) {
		if (!more)
			sem_wait(&reader->handed_over);
		pthread_mutex_lock(&reader->working);
		more = reader_help(reader);
		pthread_mutex_unlock(&reader->working);
	}
	return NULL;
}

int
reader_new(struct reader **reader_r)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	pthread_t thread;
	int error;

	if (reader == NULL)
		return -ENOMEM;
	sem_init(&reader->handed_over, 0, 0);
	pthread_mutex_init(&reader->working, NULL);
	error = thread_start(&thread, run, reader);
	if (error != 0) {
		pthread_mutex_destroy(&reader->working);
		sem_destroy(&reader->handed_over);
		free(reader);
		return error;
	}
	pthread_detach(thread);
	*reader_r = reader;
	return 0;
}

bool
reader_busy(struct reader *reader)
{
	if (atomic_load(&reader->untaken) > 0 || pthread_mutex_trylock(&reader->working) != 0)
		return true;
	pthread_mutex_unlock(&reader->working);
	return false;
}

void
reader_begin(struct reader *reader, const void *owner)
{
	reader->owner = owner;
	reader->next = 0;
	reader->count = 0;
	reader->used = 0;
}

int
reader_add(struct reader *reader, const struct maildrop *maildrop, uint32_t message, size_t size)
{
	struct reader_file *file = &reader->files[reader->count];
	int error;

	if (reader->count == READER_FILES_MAX || size > READER_MEMORY - reader->used)
		return -ENOBUFS;
	error = maildrop_find_file(maildrop, message, &file->file);
	if (error != 0)
		return error;
	file->message = message;
	file->bytes = reader->memory + reader->used;
	file->size = size;
	atomic_store_explicit(&file->got, -EAGAIN, memory_order_relaxed);
	reader->used += size;
	reader->count++;
	return 0;
}

void
reader_go(struct reader *reader)
{
	atomic_store(&reader->untaken, reader->count);
	sem_post(&reader->handed_over);
}

struct reader_file *
reader_find(struct reader *reader, const void *owner, uint32_t message)
{
	if (reader->owner != owner)
		return NULL;
	for (uint32_t i = reader->next; i < reader->count; i++)
		if (reader->files[i].message == message)
			return &reader->files[i];
	return NULL;
}

bool
reader_has_read(const struct reader_file *file)
{
	return atomic_load_explicit(&file->got, memory_order_acquire) != -EAGAIN;
}

ssize_t
reader_use(struct reader *reader, const struct reader_file *file, const char **bytes_r)
{
	reader->next = (uint32_t)(file - reader->files) + 1;
	*bytes_r = file->bytes;
	return atomic_load_explicit(&file->got, memory_order_acquire);
}

void
reader_forget(struct reader *reader, const void *owner)
{
	if (reader->owner != owner)
		return;
	atomic_store(&reader->untaken, 0);
	pthread_mutex_lock(&reader->working);
	pthread_mutex_unlock(&reader->working);
	reader->owner = NULL;
}
