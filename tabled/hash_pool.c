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
	void (*answered)(void *context, int result, const struct scram_keys *keys);
	void *context;
	size_t hash_length;
	size_t password_length;
	size_t salt_length;
	uint32_t iterations;
	char data[]; /* hash, password, salt */
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
hash_request_answer(struct hash_request *request, int result, const struct scram_keys *keys)
{
	request->answered(request->context, result, keys);
	hash_request_free(request);
}

/* 1, 0 or -EBADMSG. */
static int
hash_reply_read(struct channel_frame *frame, struct scram_keys *keys_r)
{
	int right = wire_get_u8(&frame->body) == 1;
	struct slice stored = wire_get_slice(&frame->body);
	struct slice server = wire_get_slice(&frame->body);

	if (frame->type != HASH_REPLY || !wire_done(&frame->body) || stored.length != SCRAM_KEY_SIZE ||
	    server.length != SCRAM_KEY_SIZE)
		return -EBADMSG;
	memcpy(keys_r->stored, stored.data, SCRAM_KEY_SIZE);
	memcpy(keys_r->server, server.data, SCRAM_KEY_SIZE);
	return right;
}

static int
hash_worker_on_reply(void *context, int status, struct channel_frame *frame)
{
	struct hash_worker *worker = context;
	struct hash_request *request = worker->request;
	struct scram_keys keys = { .stored = { 0 } };
	int result = status;

	worker->request = NULL;
	if (status == 0)
		result = hash_reply_read(frame, &keys);
	hash_request_answer(request, result, result < 0 ? NULL : &keys);
	explicit_bzero(&keys, sizeof(keys));
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
	wire_put_slice(&writer, slice_of(request->data + request->hash_length + request->password_length, request->salt_length));
	wire_put_u32(&writer, request->iterations);
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
		hash_request_answer(request, -ECONNRESET, NULL);
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
		.secret = true,
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
		hash_request_answer(request, -ECONNRESET, NULL);
	for (unsigned i = 0; i < pool->count; i++)
		if (pool->workers[i].link != NULL)
			link_free(&pool->workers[i].link);
	free(pool);
}

int
hash_pool_check(struct hash_pool *pool, const struct hash_question *question,
                void (*answered)(void *context, int result, const struct scram_keys *keys), void *context)
{
	const struct slice parts[] = { question->hash, question->password, question->salt };
	size_t length = question->hash.length + question->password.length + question->salt.length;
	struct hash_request *request;
	char *next;

	if (question->hash.length > RECORD_PASSWORD_MAX || question->password.length > TABLE_PASSWORD_MAX ||
	    question->salt.length > SCRAM_SALT_MAX)
		return -EMSGSIZE;
	if (pool->waiting_count >= WAITING_MAX || !hash_pool_is_up(pool))
		return -EAGAIN;
	request = malloc(sizeof(*request) + length);
	if (request == NULL)
		return -ENOMEM;
	request->answered = answered;
	request->context = context;
	request->hash_length = question->hash.length;
	request->password_length = question->password.length;
	request->salt_length = question->salt.length;
	request->iterations = question->iterations;
	next = request->data;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].length > 0)
			memcpy(next, parts[i].data, parts[i].length);
		next += parts[i].length;
	}
	STAILQ_INSERT_TAIL(&pool->waiting, request, next);
	pool->waiting_count++;
	hash_pool_dispatch(pool);
	return 0;
}
