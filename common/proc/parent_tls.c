/*
 * The parent's part of TLS: reads certificates and keys, looks whether they fit, and gives each role what it may have. It also makes the
 * keys of session tickets, and new ones in time.
 *
 * A pair that cannot be used ends the start. On reload it is logged, and the one of the same name that was used before stays in use. Roles
 * are ready for TLS from their start, so that the first certificate may come by a reload, and the last one go; the listeners that need one come and go with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/tls_certificate.h"
#include "common/io/tls_ticket.h"
#include "common/proc/parent.h"
#include "common/proc/role_tls.h"

struct text {
	char *data; /* allocated */
	size_t length;
};

struct pair {
	char path[CONFIG_PATH_MAX]; /* of the chain */
	struct text chain;
	struct text key;
};

struct parent_tls {
	struct pair pairs[CONFIG_CERTIFICATES_MAX];
	size_t count;
	char tickets[TLS_TICKET_KEYS * TLS_TICKET_KEY_SIZE]; /* the newest first */
	size_t tickets_length;
	struct event *ticket_timer;
};

/* Why a pair cannot be used. */
struct problem {
	const char *file;
	const char *why;
};

bool
role_tls_configured(const struct config *config)
{
	return config->tls_certificate.count > 0;
}

/* ---- files ---- */

static void
text_free(struct text *text)
{
	if (text->data != NULL)
		explicit_bzero(text->data, text->length);
	free(text->data);
	*text = (struct text){ 0 };
}

static int
read_all(int fd, struct text *text_r)
{
	struct stat status;
	size_t length = 0;

	if (fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	text_r->data = malloc(TLS_PEM_MAX + 1);
	if (text_r->data == NULL)
		return -ENOMEM;
	while (length <= TLS_PEM_MAX) {
		ssize_t got = read(fd, text_r->data + length, TLS_PEM_MAX + 1 - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
		text_r->length = length;
	}
	return length > TLS_PEM_MAX ? -EFBIG : 0;
}

/* The text of a file. 0, or -EINVAL with what is wrong. */
static int
text_read(const char *path, struct text *text_r, struct problem *problem_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int error = fd < 0 ? -errno : 0;

	*text_r = (struct text){ 0 };
	if (error == 0) {
		error = read_all(fd, text_r);
		close(fd);
	}
	if (error == 0)
		return 0;
	text_free(text_r);
	*problem_r = (struct problem){ path, error == -EINVAL ? "is not a regular file" : strerror(-error) };
	return -EINVAL;
}

static void
pair_free(struct pair *pair)
{
	text_free(&pair->chain);
	text_free(&pair->key);
}

static void
pairs_free(struct parent_tls *tls)
{
	while (tls->count > 0)
		pair_free(&tls->pairs[--tls->count]);
}

static int
pair_check(const struct pair *pair, const char *key_path, struct problem *problem_r)
{
	struct tls_certificate certificate;
	int error;

	problem_r->file = pair->path;
	problem_r->why = "cannot be used";
	error = tls_certificate_parse(slice_of(pair->chain.data, pair->chain.length), &certificate, &problem_r->why);
	if (error != 0)
		return error;
	if (tls_certificate_expired(&certificate))
		log_event(LOG_WARNING, "tls.expired", LOG_STRING("file", pair->path));
	problem_r->file = key_path;
	error = tls_certificate_check_key(&certificate, slice_of(pair->key.data, pair->key.length), &problem_r->why);
	tls_certificate_free(&certificate);
	return error;
}

static int
pair_read(const struct config_certificate *named, struct pair *pair_r, struct problem *problem_r)
{
	int error;

	*pair_r = (struct pair){ 0 };
	strlcpy(pair_r->path, named->chain, sizeof(pair_r->path));
	error = text_read(named->chain, &pair_r->chain, problem_r);
	if (error == 0)
		error = text_read(named->key, &pair_r->key, problem_r);
	if (error == 0)
		error = pair_check(pair_r, named->key, problem_r);
	if (error != 0)
		pair_free(pair_r);
	return error;
}

/* In the words of any other mistake in the configuration at PATH. */
static void
problem_explain(const struct problem *problem, const struct config_certificate *named, const char *path, char *error)
{
	snprintf(error, CONFIG_ERROR_MAX, "%s:%u: tls_certificate: %s %s", path, named->line, problem->file, problem->why);
}

static int
tls_check(const struct config *config, const char *path, char *error)
{
	for (size_t i = 0; i < config->tls_certificate.count; i++) {
		const struct config_certificate *named = &config->tls_certificate.list[i];
		struct problem problem;
		struct pair pair;

		OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
		if (pair_read(named, &pair, &problem) != 0) {
			problem_explain(&problem, named, path, error);
			return -EINVAL;
		}
		pair_free(&pair);
	}
	return 0;
}

/* ---- ticket keys ---- */

static void
tickets_renew(struct parent_tls *tls)
{
	memmove(tls->tickets + TLS_TICKET_KEY_SIZE, tls->tickets, sizeof(tls->tickets) - TLS_TICKET_KEY_SIZE);
	arc4random_buf(tls->tickets, TLS_TICKET_KEY_SIZE);
	if (tls->tickets_length < sizeof(tls->tickets))
		tls->tickets_length += TLS_TICKET_KEY_SIZE;
}

static int
send_tickets(const struct child *child)
{
	const struct parent_tls *tls = child->parent->tls;
	struct wire_writer writer = channel_begin(child->channel, CONTROL_TLS_TICKETS, 0, -1);

	wire_put_slice(&writer, slice_of(tls->tickets, tls->tickets_length));
	return channel_send(child->channel, &writer);
}

static void
on_ticket_timer(evutil_socket_t fd, short what, void *context)
{
	struct parent *parent = context;

	(void)fd;
	(void)what;
	tickets_renew(parent->tls);
	for (size_t i = 0; i < parent->child_count; i++) {
		struct child *child = &parent->children[i];

		if (child->channel != NULL && child->role->tls != NULL && !child->role->tls->keys)
			(void)send_tickets(child);
	}
}

/* ---- what the service calls ---- */

static int
tls_send(struct child *child)
{
	const struct parent_tls *tls = child->parent->tls;
	bool keys = child->role->tls->keys;
	struct wire_writer writer;
	int error = 0;

	if (tls == NULL)
		return 0;
	if (!keys)
		error = send_tickets(child);
	for (size_t i = 0; error == 0 && i < tls->count; i++) {
		const struct text *text = keys ? &tls->pairs[i].key : &tls->pairs[i].chain;

		writer = channel_begin(child->channel, keys ? CONTROL_TLS_KEY : CONTROL_TLS_CHAIN, 0, -1);
		wire_put_slice(&writer, slice_of(text->data, text->length));
		error = channel_send(child->channel, &writer);
	}
	if (error != 0)
		return error;
	writer = channel_begin(child->channel, CONTROL_TLS_USE, 0, -1);
	wire_put_u8(&writer, child->parent->config.tls_min_version == CONFIG_TLS_1_3);
	return channel_send(child->channel, &writer);
}

static void
tls_free(struct parent *parent)
{
	struct parent_tls *tls = parent->tls;

	parent->tls = NULL;
	pairs_free(tls);
	if (tls->ticket_timer != NULL)
		event_free(tls->ticket_timer);
	explicit_bzero(tls, sizeof(*tls));
	free(tls);
}

/* 0, or an exit status with what is wrong in ERROR. */
static int
tls_begin(struct parent *parent, char *error)
{
	const struct config_certificates *named = &parent->config.tls_certificate;
	struct parent_tls *tls;

	strlcpy(error, "tls_certificate: out of memory", CONFIG_ERROR_MAX);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	tls = parent->tls = calloc(1, sizeof(*tls));
	if (tls == NULL)
		return EX_OSERR;
	for (size_t i = 0; i < named->count; i++) {
		struct problem problem;

		if (pair_read(&named->list[i], &tls->pairs[tls->count], &problem) != 0) {
			problem_explain(&problem, &named->list[i], parent->config_path, error);
			return EX_CONFIG;
		}
		tls->count++;
	}
	tickets_renew(tls);
	tls->ticket_timer = event_new(parent->base, -1, EV_PERSIST, on_ticket_timer, parent);
	if (tls->ticket_timer == NULL || event_add(tls->ticket_timer, &(struct timeval){ .tv_sec = TLS_TICKET_SECONDS }) != 0)
		return EX_OSERR;
	return 0;
}

static int
tls_load(struct parent *parent)
{
	char error[CONFIG_ERROR_MAX];
	int status = parent->config.tls_certificate.count == 0 ? 0 : tls_begin(parent, error);

	if (status != 0)
		parent_complain(parent, "%s", error);
	return status;
}

/* The pair that was used for the certificate at PATH and is not taken over yet, or NULL. */
static struct pair *
find_pair(struct parent_tls *tls, const char *path)
{
	for (size_t i = 0; i < tls->count; i++)
		if (tls->pairs[i].chain.data != NULL && strcmp(tls->pairs[i].path, path) == 0)
			return &tls->pairs[i];
	return NULL;
}

/* Reads what the configuration names into FRESH; what cannot be used is taken over from TLS. Returns how many there are. */
static size_t
read_again(const struct config_certificates *named, struct parent_tls *tls, struct pair *fresh)
{
	size_t count = 0;

	for (size_t i = 0; i < named->count; i++) {
		struct problem problem;
		struct pair *before = find_pair(tls, named->list[i].chain);

		if (pair_read(&named->list[i], &fresh[count], &problem) == 0) {
			count++;
			continue;
		}
		log_event(LOG_ERR, "tls.unusable", LOG_STRING("file", problem.file), LOG_STRING("why", problem.why),
		          LOG_STRING("use", before == NULL ? "none" : "the one before"));
		if (before == NULL)
			continue;
		fresh[count++] = *before;
		before->chain = before->key = (struct text){ 0 };
	}
	return count;
}

static void
send_to_all(struct parent *parent, bool keys)
{
	for (size_t i = 0; i < parent->child_count; i++) {
		struct child *child = &parent->children[i];

		if (child->channel != NULL && child->role->tls != NULL && child->role->tls->keys == keys)
			(void)tls_send(child);
	}
}

/* The first certificates came by a reload: each role gets what it would have got at its start. */
static void
tls_begin_late(struct parent *parent)
{
	char error[CONFIG_ERROR_MAX];

	if (tls_begin(parent, error) != 0) {
		log_event(LOG_ERR, "tls.unusable", LOG_STRING("why", error), LOG_STRING("use", "none"));
		if (parent->tls != NULL)
			tls_free(parent);
		return;
	}
	send_to_all(parent, true);
	send_to_all(parent, false);
	parent_bind_late(parent);
}

/* No certificate is left: each role forgets its own, and listeners that need one go. */
static void
tls_end(struct parent *parent)
{
	pairs_free(parent->tls);
	send_to_all(parent, true);
	send_to_all(parent, false);
	tls_free(parent);
	parent_unbind_early(parent);
	log_event(LOG_NOTICE, "tls.ended");
}

static void
tls_reload(struct parent *parent)
{
	struct parent_tls *tls = parent->tls;
	struct pair *fresh;
	size_t count;

	if (parent->config.tls_certificate.count == 0) {
		if (tls != NULL)
			tls_end(parent);
		return;
	}
	if (tls == NULL) {
		tls_begin_late(parent);
		return;
	}
	fresh = calloc(CONFIG_CERTIFICATES_MAX, sizeof(*fresh));
	if (fresh == NULL)
		return;
	count = read_again(&parent->config.tls_certificate, tls, fresh);
	if (count > 0) {
		pairs_free(tls);
		memcpy(tls->pairs, fresh, count * sizeof(*fresh));
		tls->count = count;
		send_to_all(parent, true);
		send_to_all(parent, false);
	}
	free(fresh);
}

const struct service_tls service_tls = {
	.check = tls_check,
	.load = tls_load,
	.send = tls_send,
	.reload = tls_reload,
	.free = tls_free,
};
