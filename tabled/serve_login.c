/*
 * Answers login processes: is this password right? For a right one they get a ticket, and nothing else.
 *
 * An unknown user costs a hash too, of nobody's password, so that neither the answer nor its time tells who
 * exists.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tabled/login.h"
#include "tabled/owner.h"

enum {
	QUESTION_MAX = 4 * TABLE_PASSWORD_MAX, /* bytes of the largest question */
	OUTPUT_LIMIT = 4 * 1024 * 1024,        /* bytes */
	SERVICE_SIZE = 32,                     /* bytes of a service's name */
	CLIENT_SIZE = 64,                      /* bytes of a client's address */
};

/* A channel to a login process. */
struct login_peer {
	struct owner *owner;
	struct channel *channel;
	LIST_HEAD(, attempt) attempts;
};

/* A password that is being checked. */
struct attempt {
	LIST_ENTRY(attempt) next;
	struct owner *owner;
	struct login_peer *peer; /* NULL when it has gone */
	uint32_t request;
	bool known;
	struct slice said; /* the login as the client gave it, for the log */
	char said_text[TABLE_ADDRESS_MAX];
	struct name name;  /* only when KNOWN */
	char folder[TABLE_FOLDER_MAX];
	char service[SERVICE_SIZE];
	char client[CLIENT_SIZE];
	char hash[RECORD_PASSWORD_MAX + 1]; /* as it was when the check began */
	unsigned char digest[VERIFIED_DIGEST_SIZE];
};

int
owner_find_user(const struct owner *owner, const struct name *name, struct record_user *user_r)
{
	struct record_domain domain;
	int error = view_domain(&owner->view, name_domain(name), &domain);

	if (error == 0)
		error = view_user(&owner->view, name_key(name), user_r);
	if (error != 0)
		return error;
	return domain.enabled && domain.kind == RECORD_DOMAIN_LOCAL && user_r->enabled ? 0 : -ENOENT;
}

static void
attempt_log(const struct attempt *attempt, enum table_auth result)
{
	static const char *const words[] = {
		[TABLE_AUTH_OK] = "ok", [TABLE_AUTH_FAILED] = "failed", [TABLE_AUTH_TEMPORARY] = "temporary"
	};

	log_event(result == TABLE_AUTH_OK ? LOG_INFO : LOG_NOTICE, "tabled.auth",
	          LOG_STRING("result", words[result]), LOG_SLICE("login", attempt->said),
	          LOG_STRING("service", attempt->service), LOG_STRING("client", attempt->client));
}

static int
attempt_reply(const struct attempt *attempt, enum table_auth result, const unsigned char *ticket)
{
	char login[TABLE_ADDRESS_MAX + 2];
	struct channel *channel = attempt->peer->channel;
	struct wire_writer writer = channel_begin(channel, TABLE_AUTH_REPLY, attempt->request, -1);

	attempt_log(attempt, result);
	wire_put_u8(&writer, (uint8_t)result);
	if (result == TABLE_AUTH_OK) {
		name_address(&attempt->name, login);
		wire_put_slice(&writer, slice_of(ticket, TABLE_TICKET_SIZE));
		wire_put_string(&writer, login);
	}
	return serve_send(channel, &writer);
}

/* The password is right. Whether the user may come in is decided by what the table says now. */
static int
attempt_admit(struct attempt *attempt)
{
	struct owner *owner = attempt->owner;
	unsigned char number[TABLE_TICKET_SIZE];
	struct ticket ticket = { .name = attempt->name };
	struct record_user user;
	int error = owner_find_user(owner, &attempt->name, &user);

	if (error == -ENOENT || (error == 0 && !slice_equal(user.password, slice_from_string(attempt->hash))))
		return attempt_reply(attempt, TABLE_AUTH_FAILED, NULL);
	memcpy(ticket.folder, attempt->folder, sizeof(ticket.folder));
	if (error == 0)
		error = tickets_issue(owner->tickets, &ticket, clock_monotonic_ms(), number);
	return attempt_reply(attempt, error == 0 ? TABLE_AUTH_OK : TABLE_AUTH_TEMPORARY, number);
}

static void
attempt_free(struct attempt *attempt)
{
	if (attempt->peer != NULL)
		LIST_REMOVE(attempt, next);
	explicit_bzero(attempt, sizeof(*attempt));
	free(attempt);
}

static void
attempt_answered(void *context, int result)
{
	struct attempt *attempt = context;
	struct owner *owner = attempt->owner;

	/* With the dummy no password is right; should one ever be, it belongs to nobody. */
	if (result == 1 && attempt->known && owner->password_cache_ms > 0)
		verified_add(owner->verified, attempt->digest,
		             clock_monotonic_ms() + owner->password_cache_ms);
	if (attempt->peer != NULL) {
		/* A channel that cannot take the answer breaks by itself. */
		if (result == 1 && attempt->known)
			(void)attempt_admit(attempt);
		else
			(void)attempt_reply(attempt, result < 0 ? TABLE_AUTH_TEMPORARY : TABLE_AUTH_FAILED,
			                    NULL);
	}
	attempt_free(attempt);
}

/* Finds the user and fills in the attempt. 0 or a negative errno value. */
static int
attempt_prepare(struct attempt *attempt, struct slice text, struct slice password)
{
	struct owner *owner = attempt->owner;
	struct login login;
	int error = login_find(&owner->view, owner->settings.separator, text, &login);

	if (error != 0)
		return error;
	attempt->name = login.name;
	memcpy(attempt->folder, login.folder, sizeof(attempt->folder));
	attempt->known = login.known && login.password.length > 0 &&
	                 memchr(password.data, '\0', password.length) == NULL;
	if (!attempt->known || slice_to_string(login.password, attempt->hash, sizeof(attempt->hash)) != 0) {
		attempt->known = false;
		memcpy(attempt->hash, owner->dummy, strlen(owner->dummy) + 1);
	}
	verified_digest(owner->verified, name_key(&attempt->name), slice_from_string(attempt->hash), password,
	                attempt->digest);
	return 0;
}

static int
attempt_start(struct attempt *attempt, struct slice text, struct slice password)
{
	struct owner *owner = attempt->owner;
	int error = attempt_prepare(attempt, text, password);

	if (error == 0 && attempt->known &&
	    verified_find(owner->verified, attempt->digest, clock_monotonic_ms())) {
		error = attempt_admit(attempt);
		attempt_free(attempt);
		return error;
	}
	if (error == 0)
		error = hash_pool_check(owner->hashes, slice_from_string(attempt->hash), password,
		                        attempt_answered, attempt);
	if (error == 0)
		return 0;
	error = attempt_reply(attempt, TABLE_AUTH_TEMPORARY, NULL);
	attempt_free(attempt);
	return error;
}

static int
serve_auth(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct login_peer *peer = context;
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	struct slice text, password;
	int error;

	(void)channel;
	if (attempt == NULL)
		return -ENOMEM;
	attempt->owner = peer->owner;
	attempt->request = frame->request;
	wire_get_string(&frame->body, attempt->service, sizeof(attempt->service));
	wire_get_string(&frame->body, attempt->client, sizeof(attempt->client));
	text = wire_get_slice(&frame->body);
	password = wire_get_slice(&frame->body);
	if (!wire_done(&frame->body) || password.length > TABLE_PASSWORD_MAX) {
		free(attempt);
		return -EBADMSG;
	}
	attempt->said = slice_of(attempt->said_text, slice_first(text, sizeof(attempt->said_text)).length);
	memcpy(attempt->said_text, text.data, attempt->said.length);
	attempt->peer = peer;
	LIST_INSERT_HEAD(&peer->attempts, attempt, next);
	error = attempt_start(attempt, text, password);
	/* The channel's buffer has no use for it any more. */
	explicit_bzero((void *)(uintptr_t)password.data, password.length);
	return error;
}

static void
serve_login_closed(struct channel *channel, void *context, int error)
{
	struct login_peer *peer = context;
	struct attempt *attempt;

	(void)channel;
	(void)error;
	while ((attempt = LIST_FIRST(&peer->attempts)) != NULL) {
		LIST_REMOVE(attempt, next);
		attempt->peer = NULL;
	}
	free(peer);
}

void
serve_login(void *context, int fd)
{
	static const struct channel_handler handlers[] = {
		{ .type = TABLE_AUTH, .states = CHANNEL_ANY, .handle = serve_auth },
	};
	static struct channel_count count = { .most = CHANNEL_PEERS_MAX };
	static const struct channel_protocol protocol = {
		.name = "tabled-login",
		.count = &count,
		.handlers = handlers,
		.handler_count = 1,
		.input_limit = QUESTION_MAX,
		.output_limit = OUTPUT_LIMIT,
		.closed = serve_login_closed,
		.drained = serve_drained,
	};
	struct owner *owner = context;
	struct login_peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL) {
		close(fd);
		return;
	}
	peer->owner = owner;
	LIST_INIT(&peer->attempts);
	peer->channel = channel_new(process_base(owner->process), fd, &protocol, peer);
	if (peer->channel == NULL)
		free(peer);
}
