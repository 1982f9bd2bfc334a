/*
 * A role that speaks TLS: gets its certificates and ticket keys from the parent, and its signatures from the keeper.
 *
 * A signature is waited for, since OpenSSL 3.0 cannot go on with others meanwhile: about as long as it takes to make it, and SIGN_TIMEOUT_MS at
 * most. A keeper that is too slow, gone, or talks nonsense costs the handshakes of that moment; the channel to it is then asked for again.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/tls.h"
#include "common/io/tls_key.h"
#include "common/io/tls_ticket.h"
#include "common/ipc/proto_key.h"
#include "common/mail/config.h"
#include "common/proc/control.h"
#include "common/proc/process.h"
#include "common/proc/role_tls.h"

enum {
	SIGN_TIMEOUT_MS = 2000,
	RETRY_MS = 100,      /* between two questions for a keeper, */
	RETRY_HUNG_MS = 5000, /* and after one that did not answer: until then others are not held up by it */
};

/* The one of this process. */
static struct {
	struct process *process;
	struct tls_context *context;
	size_t count; /* chains that came since the last CONTROL_TLS_USE */
	struct slice chains[CONFIG_CERTIFICATES_MAX];
	int fd; /* to the keeper, or -1 */
	bool asking;
	uint32_t request;
	struct buffer out;
	struct buffer in;
	struct event *gone; /* the keeper's end of the channel */
	struct event *retry;
} speaker = { .fd = -1 };

static void speaker_ask(void);
static void speaker_retry_later(uint32_t milliseconds);

struct tls_context *
role_tls_context(void)
{
	return speaker.context;
}

/* ---- the channel to the keeper ---- */

static void
speaker_hang_up(const char *why, int error)
{
	log_event(LOG_WARNING, "keeper.lost", LOG_STRING("why", why), LOG_ERROR(error));
	if (speaker.gone != NULL)
		event_free(speaker.gone);
	speaker.gone = NULL;
	close(speaker.fd);
	speaker.fd = -1;
	if (error == -ETIMEDOUT)
		speaker_retry_later(RETRY_HUNG_MS);
	else
		speaker_ask();
}

/* The keeper speaks only when it is asked, and its answer is waited for: anything now is its end, or an answer that came too late. */
static void
speaker_on_gone(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	speaker_hang_up("closed", -EPIPE);
}

static void
speaker_on_retry(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	speaker_ask();
}

static void
speaker_retry_later(uint32_t milliseconds)
{
	event_add(speaker.retry, &(struct timeval){ .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 });
}

static void
speaker_on_channel(void *context, int fd)
{
	struct timeval limit = { .tv_sec = SIGN_TIMEOUT_MS / 1000, .tv_usec = SIGN_TIMEOUT_MS % 1000 * 1000 };

	(void)context;
	speaker.asking = false;
	if (fd < 0) {
		speaker_retry_later(RETRY_MS);
		return;
	}
	speaker.gone = event_new(process_base(speaker.process), fd, EV_READ, speaker_on_gone, NULL);
	if (speaker.gone == NULL || event_add(speaker.gone, NULL) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0) {
		close(fd);
		speaker_retry_later(RETRY_MS);
		return;
	}
	speaker.fd = fd;
}

static void
speaker_ask(void)
{
	if (speaker.asking || speaker.fd >= 0)
		return;
	speaker.asking = true;
	if (process_request_channel(speaker.process, "keeper", speaker_on_channel, NULL) == 0)
		return;
	speaker.asking = false;
	speaker_retry_later(RETRY_MS);
}

/* ---- signing ---- */

static int
send_question(const unsigned char *key, enum tls_signature kind, struct slice digest)
{
	struct wire_writer writer;
	struct slice rest;
	int error;

	buffer_clear(&speaker.out);
	writer = wire_begin(&speaker.out, KEY_SIGN, 0, ++speaker.request);
	wire_put_slice(&writer, slice_of(key, TLS_KEY_ID_SIZE));
	wire_put_u8(&writer, (uint8_t)kind);
	wire_put_slice(&writer, digest);
	error = wire_end(&writer);
	for (rest = buffer_slice(&speaker.out); error == 0 && rest.length > 0;) {
		ssize_t sent = send(speaker.fd, rest.data, rest.length, MSG_NOSIGNAL);

		if (sent > 0)
			rest = slice_from(rest, (size_t)sent);
		else if (errno != EINTR)
			error = -errno;
	}
	return error;
}

/* Waits for one whole frame. */
static int
receive_answer(struct wire_header *header, struct slice *payload)
{
	buffer_clear(&speaker.in);
	for (;;) {
		int found = wire_next(buffer_slice(&speaker.in), KEY_FRAME_MAX, header, payload);
		ssize_t got;
		char *room;

		if (found != 0)
			return found < 0 ? found : 0;
		if (buffer_reserve(&speaker.in, KEY_FRAME_MAX, &room) != 0)
			return -EMSGSIZE;
		got = recv(speaker.fd, room, KEY_FRAME_MAX, 0);
		if (got > 0)
			buffer_commit(&speaker.in, (size_t)got);
		else if (got == 0)
			return -EPIPE;
		else if (errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
	}
}

/* 0 with *result_r and the signature, or a negative errno value when the keeper cannot be trusted to be one. */
static int
ask_keeper(const unsigned char *key, enum tls_signature kind, struct slice digest, uint8_t *result_r, struct slice *signature_r)
{
	struct wire_header header;
	struct wire_reader body;
	struct slice payload;
	int error = send_question(key, kind, digest);

	if (error == 0)
		error = receive_answer(&header, &payload);
	if (error != 0)
		return error;
	body = wire_read(payload);
	*result_r = wire_get_u8(&body);
	*signature_r = wire_get_slice(&body);
	if (header.type != KEY_SIGNATURE || header.flags != 0 || header.request != speaker.request || !wire_done(&body) ||
	    signature_r->length > TLS_SIGNATURE_MAX || buffer_length(&speaker.in) != WIRE_HEADER_SIZE + (size_t)header.length)
		return -EPROTO;
	return 0;
}

static int
speaker_sign(void *context, const unsigned char *key, enum tls_signature kind, struct slice digest, unsigned char *signature,
             size_t *length_r)
{
	struct slice answer;
	uint8_t result;
	int error;

	(void)context;
	if (speaker.fd < 0)
		return -ENOTCONN;
	error = ask_keeper(key, kind, digest, &result, &answer);
	if (error != 0) {
		speaker_hang_up("signature", error);
		return error;
	}
	if (result != KEY_OK)
		return -EPERM;
	memcpy(signature, answer.data, answer.length);
	*length_r = answer.length;
	return 0;
}

static bool
speaker_ready(void *context)
{
	(void)context;
	return speaker.fd >= 0;
}

/* ---- what the parent sends ---- */

static int
on_tickets(struct channel *channel, void *context, struct channel_frame *frame)
{
	(void)channel;
	(void)context;
	return tls_ticket_set_keys(wire_get_slice(&frame->body));
}

static int
on_chain(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct slice chain = wire_get_slice(&frame->body);
	char *copy;

	(void)channel;
	(void)context;
	if (speaker.count == CONFIG_CERTIFICATES_MAX || chain.length == 0)
		return -E2BIG;
	copy = slice_dup(chain);
	if (copy == NULL)
		return -ENOMEM;
	speaker.chains[speaker.count++] = slice_of(copy, chain.length);
	return 0;
}

/* OpenSSL is made ready before the confinement, also when certificates come only later. */
static int
speaker_make_ready(void)
{
	static const struct tls_signer signer = { .ready = speaker_ready, .sign = speaker_sign };
	int error = tls_prepare();

	if (error != 0)
		return error;
	tls_key_set_signer(&signer);
	return 0;
}

static int
on_use(struct channel *channel, void *context, struct channel_frame *frame)
{
	bool version_1_3 = wire_get_u8(&frame->body) != 0;
	struct tls_context *fresh = NULL; /* of no certificates there is none: live sessions go on, new ones have no TLS */
	const char *reason = "";
	size_t at = 0;
	int error = speaker_make_ready();

	(void)channel;
	(void)context;
	if (error == 0 && speaker.count > 0)
		error = tls_context_new(speaker.chains, speaker.count, version_1_3, &fresh, &at, &reason);
	for (size_t i = 0; i < speaker.count; i++)
		free((char *)(uintptr_t)speaker.chains[i].data);
	speaker.count = 0;
	if (error != 0) {
		log_event(LOG_ERR, "tls.refused", LOG_UINT("certificate", at), LOG_STRING("why", reason), LOG_ERROR(error));
		/* Live sessions go on, and new ones with what was there before. */
		return speaker.context == NULL ? error : 0;
	}
	tls_context_free(&speaker.context);
	speaker.context = fresh;
	return 0;
}

/* The first channel to the keeper is waited for, so that the first client finds it there. */
static int
speaker_prepare(struct process *process)
{
	int error = speaker_make_ready();

	if (error != 0)
		return error;
	speaker.process = process;
	buffer_init(&speaker.out, KEY_FRAME_MAX + WIRE_HEADER_SIZE);
	buffer_init(&speaker.in, 2 * KEY_FRAME_MAX + WIRE_HEADER_SIZE);
	speaker.retry = evtimer_new(process_base(process), speaker_on_retry, NULL);
	if (speaker.retry == NULL)
		return -ENOMEM;
	speaker_ask();
	while (speaker.asking)
		event_base_loop(process_base(process), EVLOOP_ONCE);
	return 0;
}

static const struct channel_handler handlers[] = {
	{ CONTROL_TLS_TICKETS, CHANNEL_ANY, false, on_tickets },
	{ CONTROL_TLS_CHAIN, CHANNEL_ANY, false, on_chain },
	{ CONTROL_TLS_USE, CHANNEL_ANY, false, on_use },
};

const struct role_tls role_speaks_tls = {
	.prepare = speaker_prepare,
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
};
