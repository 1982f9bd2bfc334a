/*
 * A queue of passwords over the links to the hash processes.
 */
#include "tabled/hash_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/ipc/link.h"
#include "tabled/hash.h"
#include "tabled/record.h"

enum {
	WAITING_MAX = 512,   /* passwords, of some 20 ms each: a longer queue outlasts the clients */
	TIMEOUT_MS = 15000,  /* for one password */
	LINK_NAME_SIZE = 32, /* bytes */
};

struct hash_request {
	STAILQ_ENTRY(hash_request) next;
	void (*answered)(void *context, int result);
	void *context;
	size_t hash_length;
	size_t password_length;
	char data[]; /* hash, then password */
};

struct hash_worker {
	struct hash_pool *pool;
	struct link *link;
	struct hash_request *request; /* under way, or NULL */
	struct link_protocol protocol;
	char name[LINK_NAME_SIZE];
};

struct hash_pool {
	STAILQ_HEAD(, hash_request) waiting;
	unsigned waiting_count;
	unsigned count;
	struct hash_worker workers[];
};

static void hash_pool_dispatch(struct hash_pool *pool);

static void
hash_request_free(struct hash_request *request)
{
	explicit_bzero(request->data, request->hash_length + request->password_length);
	free(request);
}

static void
hash_request_answer(struct hash_request *request, int result)
{
	request->answered(request->context, result);
	hash_request_free(request);
}

static int
hash_worker_on_reply(void *context, int status, struct channel_frame *frame)
{
	struct hash_worker *worker = context;
	struct hash_request *request = worker->request;
	int result = status;

	worker->request = NULL;
	if (status == 0) {
		result = wire_get_u8(&frame->body) == 1;
		if (frame->type != HASH_REPLY || !wire_done(&frame->body))
			result = -EBADMSG;
	}
	hash_request_answer(request, result);
	hash_pool_dispatch(worker->pool);
	return result == -EBADMSG ? result : 0;
}

static int
hash_worker_send(struct hash_worker *worker, struct hash_request *request)
{
	struct wire_writer writer = link_begin(worker->link, HASH_CHECK, -1);
	int error;

	wire_put_slice(&writer, slice_of(request->data, request->hash_length));
	wire_put_slice(&writer, slice_of(request->data + request->hash_length, request->password_length));
	error = link_send(worker->link, &writer, hash_worker_on_reply, worker, NULL);
	if (error == 0)
		worker->request = request;
	return error;
}

static struct hash_request *
hash_pool_pop(struct hash_pool *pool)
{
	struct hash_request *request = STAILQ_FIRST(&pool->waiting);

	if (request != NULL) {
		STAILQ_REMOVE_HEAD(&pool->waiting, next);
		pool->waiting_count--;
	}
	return request;
}

static bool
hash_pool_is_up(const struct hash_pool *pool)
{
	for (unsigned i = 0; i < pool->count; i++)
		if (pool->workers[i].link != NULL && link_is_up(pool->workers[i].link))
			return true;
	return false;
}

/* Gives waiting passwords to idle workers. */
static void
hash_pool_dispatch(struct hash_pool *pool)
{
	for (unsigned i = 0; i < pool->count; i++) {
		struct hash_worker *worker = &pool->workers[i];
		struct hash_request *request;

		if (worker->link == NULL || worker->request != NULL || !link_is_up(worker->link))
			continue;
		request = hash_pool_pop(pool);
		if (request == NULL)
			return;
		if (hash_worker_send(worker, request) != 0) {
			/* Out of memory: it keeps its place until somebody is answered. */
			STAILQ_INSERT_HEAD(&pool->waiting, request, next);
			pool->waiting_count++;
			return;
		}
	}
}

static void
hash_worker_up(struct link *link, void *context)
{
	struct hash_worker *worker = context;

	(void)link;
	hash_pool_dispatch(worker->pool);
}

/*
 * What was under way is answered by the link; what waits goes to another worker, or is given up when there is
 * none.
 */
static void
hash_worker_down(struct link *link, void *context)
{
	struct hash_worker *worker = context;
	struct hash_request *request;

	(void)link;
	if (hash_pool_is_up(worker->pool))
		return;
	while ((request = hash_pool_pop(worker->pool)) != NULL)
		hash_request_answer(request, -ECONNRESET);
}

static bool
hash_worker_start(struct hash_pool *pool, struct process *process, unsigned number)
{
	struct hash_worker *worker = &pool->workers[number];

	worker->pool = pool;
	snprintf(worker->name, sizeof(worker->name), "hash/%u", number);
	worker->protocol = (struct link_protocol){
		.channel = worker->name,
		.timeout_ms = TIMEOUT_MS,
		.input_limit = HASH_FRAME_MAX,
		.output_limit = 2 * HASH_FRAME_MAX,
		.up = hash_worker_up,
		.down = hash_worker_down,
	};
	worker->link = link_new(process, &worker->protocol, worker);
	return worker->link != NULL;
}

struct hash_pool *
hash_pool_new(struct process *process, unsigned count)
{
	struct hash_pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->workers[0]));

	if (pool == NULL)
		return NULL;
	STAILQ_INIT(&pool->waiting);
	pool->count = count;
	for (unsigned i = 0; i < count; i++) {
		if (!hash_worker_start(pool, process, i)) {
			hash_pool_free(&pool);
			return NULL;
		}
	}
	return pool;
}

void
hash_pool_free(struct hash_pool **pool_pointer)
{
	struct hash_pool *pool = *pool_pointer;
	struct hash_request *request;

	if (pool == NULL)
		return;
	*pool_pointer = NULL;
	while ((request = hash_pool_pop(pool)) != NULL)
		hash_request_answer(request, -ECONNRESET);
	for (unsigned i = 0; i < pool->count; i++)
		if (pool->workers[i].link != NULL)
			link_free(&pool->workers[i].link);
	free(pool);
}

int
hash_pool_check(struct hash_pool *pool, struct slice hash, struct slice password,
                void (*answered)(void *context, int result), void *context)
{
	struct hash_request *request;

	if (hash.length > RECORD_PASSWORD_MAX || password.length > TABLE_PASSWORD_MAX)
		return -EMSGSIZE;
	if (pool->waiting_count >= WAITING_MAX || !hash_pool_is_up(pool))
		return -EAGAIN;
	request = malloc(sizeof(*request) + hash.length + password.length);
	if (request == NULL)
		return -ENOMEM;
	request->answered = answered;
	request->context = context;
	request->hash_length = hash.length;
	request->password_length = password.length;
	memcpy(request->data, hash.data, hash.length);
	if (password.length > 0)
		memcpy(request->data + hash.length, password.data, password.length);
	STAILQ_INSERT_TAIL(&pool->waiting, request, next);
	pool->waiting_count++;
	hash_pool_dispatch(pool);
	return 0;
}
