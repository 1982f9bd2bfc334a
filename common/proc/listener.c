/*
 * Accepting connections in a role process. Errors pause accepting or drop one connection; none is fatal.
 */
#include "common/proc/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/proxy.h"
#include "common/proc/account.h"

enum {
	ACCEPT_BATCH = 16, /* connections of one turn, so that accepting does not starve those that are there */
	PAUSE_MS = 100,    /* when descriptors run out */
	PROXY_WAITING_MAX = 4096, /* connections of load balancers whose header has not come */
};

struct listener {
	struct process *process;
	struct proxy proxy;
	struct event *readable;
	struct event *timer;
	int fd;
	bool local;         /* a UNIX socket of the suite */
	uid_t peer;         /* who may connect to it, besides root and ourselves */
	void (*accepted)(void *context, int client, const struct sockaddr *address, socklen_t length);
	void (*accepted_local)(void *context, int client);
	void (*accepted_public)(void *context, int client, uid_t uid);
	void *context;
};

/* A connection over a UNIX socket: who is it? */
static void
listener_give_local(const struct listener *listener, int client)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
		close(client);
	} else if (listener->accepted_public != NULL) {
		listener->accepted_public(listener->context, client, peer.uid);
	} else if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == listener->peer) {
		listener->accepted_local(listener->context, client);
	} else {
		log_event(LOG_WARNING, "listener.refused", LOG_UINT("uid", peer.uid), LOG_INT("pid", peer.pid));
		close(client);
	}
}

/* ---- load balancers ---- */

static void
listener_proxy_ready(void *context, int client, const struct sockaddr *address, socklen_t length)
{
	struct listener *listener = context;

	listener->accepted(listener->context, client, address, length);
}

static void
listener_proxy_failed(void *context, const struct sockaddr *address, int error)
{
	char text[INET6_ADDRSTRLEN];

	(void)context;
	config_address_text(address, text, sizeof(text));
	log_event(LOG_WARNING, "listener.proxy_failed", LOG_STRING("proxy", text), LOG_ERROR(error));
}

/* CLIENT comes from a load balancer: whose connection it is, it says first. */
static void
listener_wait_for_proxy(struct listener *listener, int client, const struct sockaddr *address, socklen_t length)
{
	uint32_t seconds = process_config(listener->process)->proxy_timeout;
	int error = -ENOBUFS;

	if (listener->proxy.count < PROXY_WAITING_MAX)
		error = proxy_accept(&listener->proxy, client, address, length, seconds * 1000, listener);
	else
		close(client);
	if (error != 0)
		listener_proxy_failed(listener, address, error);
}

static void
listener_give(struct listener *listener, int client, const struct sockaddr *address, socklen_t length)
{
	int on = 1;

	if (listener->local) {
		listener_give_local(listener, client);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (config_networks_contain(&process_config(listener->process)->proxy_networks, address))
		listener_wait_for_proxy(listener, client, address, length);
	else
		listener->accepted(listener->context, client, address, length);
}

/* A listener for which the kernel has no room in its set of events tries again. */
static void
listener_wait(struct listener *listener, bool now)
{
	if (!now || event_add(listener->readable, NULL) != 0)
		event_add(listener->timer, &(struct timeval){ .tv_usec = PAUSE_MS * 1000 });
}

static void
listener_on_readable(evutil_socket_t fd, short what, void *context)
{
	struct listener *listener = context;

	(void)what;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage address;
		socklen_t length = sizeof(address);
		int client;

		memset(&address, 0, sizeof(address));
		client = accept4(fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			listener_give(listener, client, (struct sockaddr *)&address, length);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_event(LOG_WARNING, "listener.exhausted", LOG_ERROR(errno));
			event_del(listener->readable);
			listener_wait(listener, false);
		}
		return;
	}
}

static void
listener_on_timer(evutil_socket_t fd, short what, void *context)
{
	struct listener *listener = context;

	(void)fd;
	(void)what;
	listener_wait(listener, true);
}

static struct listener *
listener_start(struct process *process, int fd, struct listener template)
{
	struct listener *listener = malloc(sizeof(*listener));

	if (listener == NULL)
		return NULL;
	*listener = template;
	listener->process = process;
	proxy_init(&listener->proxy, process_base(process));
	listener->proxy.ready = listener_proxy_ready;
	listener->proxy.failed = listener_proxy_failed;
	listener->fd = fd;
	listener->readable = event_new(process_base(process), fd, EV_READ | EV_PERSIST, listener_on_readable, listener);
	listener->timer = evtimer_new(process_base(process), listener_on_timer, listener);
	if (listener->readable == NULL || listener->timer == NULL || event_add(listener->readable, NULL) != 0)
		listener_free(&listener);
	return listener;
}

static struct listener *
listener_new(struct process *process, int fd,
             void (*accepted)(void *context, int client, const struct sockaddr *address, socklen_t length), void *context)
{
	return listener_start(process, fd, (struct listener){ .accepted = accepted, .context = context });
}

struct listener *
listener_new_unix(struct process *process, const char *name, void (*accepted)(void *context, int client), void *context)
{
	int fd = process_listener(process, name, 0);

	if (fd < 0)
		return NULL;
	return listener_start(process, fd, (struct listener){ .local = true, .peer = process_listener_peer(process, name),
	                                                      .accepted_local = accepted, .context = context });
}

struct listener *
listener_new_public(struct process *process, const char *name, void (*accepted)(void *context, int client, uid_t uid), void *context)
{
	int fd = process_listener(process, name, 0);

	if (fd < 0 || process_listener_peer(process, name) != PROCESS_ANYBODY)
		return NULL;
	return listener_start(process, fd, (struct listener){ .local = true, .accepted_public = accepted, .context = context });
}

void
listener_free(struct listener **listener_p)
{
	struct listener *listener = *listener_p;

	*listener_p = NULL;
	if (listener == NULL)
		return;
	if (listener->readable != NULL)
		event_free(listener->readable);
	if (listener->timer != NULL)
		event_free(listener->timer);
	proxy_free(&listener->proxy);
	free(listener);
}

/* ---- all of one name ---- */

int
listener_set_update(struct listener_set *set, struct process *process, const char *name,
                    void (*accepted)(void *context, int client, const struct sockaddr *address, socklen_t length), void *context)
{
	if (process_listener(process, name, 0) < 0)
		listener_set_close(set);
	while (set->count < CONFIG_ENDPOINTS_MAX) {
		int fd = process_listener(process, name, set->count);

		if (fd < 0)
			break;
		set->list[set->count] = listener_new(process, fd, accepted, context);
		if (set->list[set->count] == NULL)
			return -ENOMEM;
		set->count++;
	}
	return 0;
}

void
listener_set_close(struct listener_set *set)
{
	while (set->count > 0)
		listener_free(&set->list[--set->count]);
}
