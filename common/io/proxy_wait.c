/*
 * Connections whose PROXY header has not come yet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/proxy.h"

struct proxy_wait {
	TAILQ_ENTRY(proxy_wait) next;
	struct proxy *proxy;
	struct event *readable;
	struct event *timer; /* the deadline, which no byte moves */
	void *context;
	struct sockaddr_storage address;
	socklen_t address_length;
	int client;
	size_t used;
	char bytes[PROXY_MAX];
};

void
proxy_init(struct proxy *proxy, struct event_base *base)
{
	memset(proxy, 0, sizeof(*proxy));
	proxy->base = base;
	TAILQ_INIT(&proxy->waiting);
}

/* The socket stays open when it was given away: CLIENT is -1 then. */
static void
wait_free(struct proxy_wait *wait)
{
	TAILQ_REMOVE(&wait->proxy->waiting, wait, next);
	wait->proxy->count--;
	if (wait->readable != NULL)
		event_free(wait->readable);
	if (wait->timer != NULL)
		event_free(wait->timer);
	if (wait->client >= 0)
		close(wait->client);
	free(wait);
}

void
proxy_free(struct proxy *proxy)
{
	struct proxy_wait *wait;

	while ((wait = TAILQ_FIRST(&proxy->waiting)) != NULL)
		wait_free(wait);
}

static void
wait_fail(struct proxy_wait *wait, int error)
{
	wait->proxy->failed(wait->context, (const struct sockaddr *)&wait->address, error);
	wait_free(wait);
}

static void
wait_end(struct proxy_wait *wait, const struct proxy_header *header)
{
	struct proxy *proxy = wait->proxy;
	struct sockaddr_storage address = header->local ? wait->address : header->client;
	socklen_t length = header->local ? wait->address_length : header->length;
	void *context = wait->context;
	int client = wait->client;

	wait->client = -1;
	wait_free(wait);
	proxy->ready(context, client, (const struct sockaddr *)&address, length);
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	struct proxy_wait *wait = context;
	struct proxy_header header;
	int missing = proxy_parse(slice_of(wait->bytes, wait->used), &header); /* more than 0: else it would wait no more */
	ssize_t got;

	(void)what;
	/* No byte more than the header's: what follows is the client's, and goes on as if there had been none. */
	got = recv(fd, wait->bytes + wait->used, (size_t)missing, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		wait_fail(wait, got == 0 ? -ECONNRESET : -errno);
		return;
	}
	wait->used += (size_t)got;
	missing = proxy_parse(slice_of(wait->bytes, wait->used), &header);
	if (missing < 0)
		wait_fail(wait, missing);
	else if (missing == 0)
		wait_end(wait, &header);
}

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	wait_fail(context, -ETIMEDOUT);
}

int
proxy_accept(struct proxy *proxy, int client, const struct sockaddr *address, socklen_t length, uint32_t milliseconds, void *context)
{
	struct timeval deadline = { .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };
	struct proxy_wait *wait = calloc(1, sizeof(*wait));

	if (wait == NULL || length > sizeof(wait->address)) {
		free(wait);
		close(client);
		return -ENOMEM;
	}
	wait->proxy = proxy;
	wait->client = client;
	wait->context = context;
	memcpy(&wait->address, address, length);
	wait->address_length = length;
	TAILQ_INSERT_TAIL(&proxy->waiting, wait, next);
	proxy->count++;
	wait->readable = event_new(proxy->base, client, EV_READ | EV_PERSIST, on_readable, wait);
	wait->timer = evtimer_new(proxy->base, on_timer, wait);
	if (wait->readable != NULL && wait->timer != NULL && event_add(wait->readable, NULL) == 0 &&
	    event_add(wait->timer, &deadline) == 0)
		return 0;
	wait_free(wait);
	return -ENOMEM;
}
