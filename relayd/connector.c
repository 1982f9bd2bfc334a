/*
 * The race of a host's addresses: at most CONNECTOR_AT_ONCE tries, each a socket and its event, and one timer that begins the next.
 */
#include "relayd/connector.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct try {
	struct connector *connector;
	struct event *event; /* connected, or the time is over */
	size_t index;        /* of the address */
	int fd;              /* -1: not in use */
};

struct connector {
	struct event_base *base;
	struct event *next_timer;
	const struct connector_address *addresses;
	size_t count;
	size_t next;     /* address to begin */
	unsigned trying;
	struct timeval timeout;
	connector_done *done;
	void *context;
	int error;       /* of the last that failed */
	size_t failed;   /* which that was */
	struct try tries[CONNECTOR_AT_ONCE];
};

static void
try_end(struct try *try)
{
	if (try->event != NULL)
		event_free(try->event);
	if (try->fd >= 0)
		close(try->fd);
	try->event = NULL;
	try->fd = -1;
	try->connector->trying--;
}

static void
connector_free(struct connector *connector)
{
	for (size_t i = 0; i < CONNECTOR_AT_ONCE; i++)
		if (connector->tries[i].fd >= 0)
			try_end(&connector->tries[i]);
	if (connector->next_timer != NULL)
		event_free(connector->next_timer);
	free(connector);
}

static void
connector_finish(struct connector *connector, int fd, size_t index)
{
	connector_done *done = connector->done;
	void *context = connector->context;

	connector_free(connector);
	done(context, fd, index);
}

static void connector_advance(struct connector *connector);

static void
try_on_event(evutil_socket_t fd, short what, void *context)
{
	struct try *try = context;
	struct connector *connector = try->connector;
	socklen_t length = sizeof(int);
	int error = ETIMEDOUT;

	if (!(what & EV_TIMEOUT) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	if (error == 0) {
		try->fd = -1; /* given away */
		event_free(try->event);
		try->event = NULL;
		connector->trying--;
		connector_finish(connector, fd, try->index);
		return;
	}
	connector->error = -error;
	connector->failed = try->index;
	try_end(try);
	connector_advance(connector);
}

/* Begins to connect to the address of TRY. 0, or a negative errno value when that failed at once. */
static int
try_begin(struct try *try)
{
	const struct connector_address *address = &try->connector->addresses[try->index];
	int family = address->address.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	try->fd = fd;
	try->connector->trying++;
	/* Groups of commands leave in one write; none of them is to wait for the acknowledgement of the one before. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&address->address, address->length) != 0 && errno != EINPROGRESS)
		return -errno;
	try->event = event_new(try->connector->base, fd, EV_WRITE, try_on_event, try);
	return try->event == NULL || event_add(try->event, &try->connector->timeout) != 0 ? -ENOMEM : 0;
}

static struct try *
connector_idle_try(struct connector *connector)
{
	for (size_t i = 0; i < CONNECTOR_AT_ONCE; i++)
		if (connector->tries[i].fd < 0)
			return &connector->tries[i];
	return NULL;
}

/* Begins the next address that does not fail at once; false when there is none, or too many are being tried. */
static bool
connector_begin_next(struct connector *connector)
{
	while (connector->next < connector->count) {
		struct try *try = connector_idle_try(connector);
		int error;

		if (try == NULL)
			return false;
		try->index = connector->next++;
		error = try_begin(try);
		if (error == 0)
			return true;
		connector->error = error;
		connector->failed = try->index;
		if (try->fd >= 0)
			try_end(try);
	}
	return false;
}

/* A try has failed, or the one before has had its quarter of a second. */
static void
connector_advance(struct connector *connector)
{
	const struct timeval interval = { .tv_usec = CONNECTOR_NEXT_MS * 1000 };

	(void)connector_begin_next(connector);
	if (connector->trying == 0)
		connector_finish(connector, connector->error, connector->failed);
	else if (connector->next < connector->count)
		event_add(connector->next_timer, &interval);
}

static void
connector_on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	connector_advance(context);
}

struct connector *
connector_new(struct event_base *base, const struct connector_address *addresses, size_t count, uint32_t timeout_ms,
              connector_done *done, void *context)
{
	struct connector *connector = calloc(1, sizeof(*connector));

	if (connector == NULL)
		return NULL;
	connector->base = base;
	connector->addresses = addresses;
	connector->count = count;
	connector->timeout = (struct timeval){ .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
	connector->done = done;
	connector->context = context;
	for (size_t i = 0; i < CONNECTOR_AT_ONCE; i++)
		connector->tries[i] = (struct try){ .connector = connector, .fd = -1 };
	connector->next_timer = evtimer_new(base, connector_on_timer, connector);
	if (connector->next_timer == NULL) {
		connector_free(connector);
		return NULL;
	}
	/* The first is begun by the timer too, so that a failure is never reported inside of this call. */
	event_active(connector->next_timer, EV_TIMEOUT, 0);
	return connector;
}

void
connector_cancel(struct connector **connector)
{
	if (*connector != NULL)
		connector_free(*connector);
	*connector = NULL;
}
