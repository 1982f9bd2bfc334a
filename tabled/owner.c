/*
 * The owner role: opens the table, loads the index, starts the writer and the queue of passwords, and
 * listens.
 */
#include "tabled/owner.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/proc/listener.h"

enum {
	OPEN_WAIT_MS = 10000, /* for a dbtool that has the table open */
	OPEN_RETRY_MS = 20,
};

struct owner_socket {
	const char *name;
	void (*accepted)(void *context, int fd);
	struct listener *listener;
};

/* Waits while a dbtool has the table open: no peer has been promised an answer yet. */
static int
owner_open(struct owner *owner, struct table **table_r)
{
	const struct config *config = process_config(owner->process);
	const char *directory = process_directory(owner->process);
	int64_t started = clock_monotonic_ms();
	char message[TABLE_ERROR_SIZE];
	int error;

	for (;;) {
		error = table_open(directory, config->table_cache_size, table_r, message);
		if (error != -EBUSY || clock_monotonic_ms() - started > OPEN_WAIT_MS)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = OPEN_RETRY_MS * 1000000L }, NULL);
	}
	if (error == 0)
		error = index_load(owner->index, *table_r);
	if (error == 0 && decoy_load(&owner->decoy, *table_r) != 0)
		log_event(LOG_WARNING, "tabled.decoy", LOG_STRING("message", table_message(*table_r)));
	if (error != 0) {
		if (*table_r != NULL)
			snprintf(message, sizeof(message), "%s", table_message(*table_r));
		log_event(LOG_ERR, "tabled.open", LOG_STRING("message", message), LOG_ERROR(error));
		table_close(table_r);
		return error;
	}
	log_event(LOG_NOTICE, "tabled.open", LOG_UINT("records", index_count(owner->index)),
	          LOG_INT("milliseconds", clock_monotonic_ms() - started));
	return 0;
}

static void
owner_configure(void *context)
{
	struct owner *owner = context;
	const struct config *config = process_config(owner->process);

	resolve_settings_from(config, &owner->settings);
	owner->password_cache_ms = config->password_cache_time * 1000;
	owner->guard_limits = (struct guard_limits){
		.per_address = config->auth_failures_per_address,
		.per_account = config->auth_failures_per_account,
		.delay_ms = config->auth_failure_delay * 1000,
	};
	decoy_set_cost(&owner->decoy, config->hash_cost);
}

/* Another start, with recovery, is the only way out. */
static void
owner_on_broken(void *context)
{
	struct owner *owner = context;

	log_event(LOG_ERR, "tabled.broken",
	          LOG_STRING("message", "the table needs a recovery; starting again"));
	owner->broken = true;
	process_stop(owner->process);
}

static bool
owner_start(struct owner *owner)
{
	const struct config *config = process_config(owner->process);
	struct table *table = NULL;

	owner->index = index_new();
	owner->verified = verified_new();
	owner->tickets = tickets_new();
	owner->guard = guard_new();
	if (owner->guard == NULL || owner->index == NULL || owner->verified == NULL || owner->tickets == NULL ||
	    owner_open(owner, &table) != 0)
		return false;
	owner->view = view_of_index(owner->index);
	owner->writer = writer_new(process_base(owner->process), table, owner->index, owner_on_broken, owner);
	if (owner->writer == NULL) {
		table_close(&table);
		return false;
	}
	owner->hashes = hash_pool_new(owner->process,
	                              config->hash_workers == 0 ? config_cores() : config->hash_workers);
	return owner->hashes != NULL;
}

static bool
owner_listen(struct owner *owner, struct owner_socket *sockets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sockets[i].listener =
			listener_new_unix(owner->process, sockets[i].name, sockets[i].accepted, owner);
		if (sockets[i].listener == NULL) {
			log_event(LOG_ERR, "tabled.listen", LOG_STRING("socket", sockets[i].name));
			return false;
		}
	}
	return true;
}

int
owner_main(struct process *process)
{
	struct owner_socket sockets[] = {
		{ "tabled-smtpd", serve_smtpd, NULL },
		{ "tabled-queued", serve_queued, NULL },
		{ "tabled-login", serve_login, NULL },
		{ "tabled-session", serve_session, NULL },
		{ "tabled-admin", serve_admin, NULL },
	};
	const size_t count = sizeof(sockets) / sizeof(sockets[0]);
	struct owner owner = { .process = process };
	int status = EX_TEMPFAIL;

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	buffer_init(&owner.targets, OWNER_TARGETS_MAX);
	owner_configure(&owner);
	process_on_reload(process, owner_configure, &owner);
	if (owner_start(&owner) && owner_listen(&owner, sockets, count))
		status = process_run(process);
	if (owner.broken)
		status = EX_TEMPFAIL;
	for (size_t i = 0; i < count; i++)
		listener_free(&sockets[i].listener);
	hash_pool_free(&owner.hashes);
	writer_free(&owner.writer);
	index_free(&owner.index);
	verified_free(&owner.verified);
	tickets_free(&owner.tickets);
	guard_free(&owner.guard);
	buffer_free(&owner.targets);
	return status;
}
