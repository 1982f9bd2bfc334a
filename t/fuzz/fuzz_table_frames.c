/*
 * Fuzzes what smtpd, queued, pop3d's roles and dbtool may send to tabled's owner: the first byte chooses which of its five sockets, the rest is
 * what a peer in an intruder's hands does there. Passwords and calls are answered when the input says so, or when the peer has gone.
 */
#include <errno.h>
#include <event2/event.h>

#include "common/base/log.h"
#include "t/fuzz/hostile_peer.h"
#include "tabled/owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	WAITING_MAX = 8, /* passwords and calls under way at once */
	TURNS = 4,
	KINDS = 5,       /* of peers, each with its socket */
	TICKET = 0,      /* of the words */
};

struct password {
	void (*answered)(void *context, int result, const struct scram_keys *keys);
	void *context;
};

static struct owner owner;
static struct event_base *base;
static struct password passwords[WAITING_MAX];
static size_t password_count;
static struct writer_job *jobs[WAITING_MAX];
static size_t job_count;

/* ---- what stands in for the other processes and the writer's thread ---- */

struct event_base *
process_base(struct process *process)
{
	(void)process;
	return base;
}

int
hash_pool_check(struct hash_pool *pool, const struct hash_question *question,
                void (*answered)(void *context, int result, const struct scram_keys *keys), void *context)
{
	(void)pool;
	if (question->hash.length == 0 || question->password.length > TABLE_PASSWORD_MAX || question->salt.length == 0)
		abort();
	if (password_count == WAITING_MAX)
		return -EAGAIN;
	passwords[password_count++] = (struct password){ answered, context };
	return 0;
}

int
writer_submit(struct writer *writer, struct writer_job *job)
{
	(void)writer;
	if (job_count == WAITING_MAX)
		return -EBUSY;
	jobs[job_count++] = job;
	return 0;
}

void
writer_cancel(struct writer_job *job)
{
	job->cancelled = true;
}

static void
answer_password(int result)
{
	static const struct scram_keys keys;
	struct password password = passwords[0];

	if (password_count == 0)
		return;
	memmove(passwords, passwords + 1, --password_count * sizeof(passwords[0]));
	password.answered(password.context, result, result < 0 ? NULL : &keys);
}

static void
answer_job(uint8_t how)
{
	struct writer_job *job = jobs[0];

	if (job_count == 0)
		return;
	if (job->progress != NULL)
		job->progress(job, how, 100);
	if (how % 2 == 0)
		return;
	memmove(jobs, jobs + 1, --job_count * sizeof(struct writer_job *));
	job->done(job);
}

/* ---- the table ---- */

static void
put(enum table_space space, const char *key, struct buffer *value)
{
	struct index_entry *entry = index_entry_new(space, slice_from_string(key), buffer_slice(value), false);

	if (entry == NULL)
		abort();
	index_apply(owner.index, entry);
	buffer_clear(value);
}

static void
put_alias(const char *key, const char *const *targets)
{
	struct record_alias alias = { .enabled = true };
	struct buffer list, value;

	buffer_init(&list, 1 << 16);
	buffer_init(&value, 1 << 16);
	for (; *targets != NULL; targets++)
		record_list_add(&list, &alias.targets.count, slice_from_string(*targets));
	alias.targets.bytes = buffer_slice(&list);
	record_alias_encode(&alias, &value);
	put(TABLE_SPACE_ALIAS, key, &value);
	buffer_free(&list);
	buffer_free(&value);
}

static void
fill_table(void)
{
	struct record_domain domain = { .enabled = true };
	struct record_secret secret = { .name = SLICE("") };
	struct record_user user = { .enabled = true,
		                    .password = SLICE("$y$j75$x$y"),
		                    .path = SLICE("example.org/u"),
		                    .salt = SLICE("salt"),
		                    .iterations = SCRAM_ITERATIONS };
	struct route route = { .kind = ROUTE_SMTP, .port = 25, .host = SLICE("smarthost.example") };
	struct buffer list;
	struct buffer value;

	buffer_init(&value, 1 << 16);
	record_route_encode(&route, &value);
	put(TABLE_SPACE_ROUTE, "*", &value);
	record_route_encode(&route, &value);
	put(TABLE_SPACE_ROUTE, ".example.net", &value);
	record_domain_encode(&domain, &value);
	put(TABLE_SPACE_DOMAIN, "example.org", &value);
	buffer_init(&list, 4096);
	record_secret_add(&list, &user.secrets.count, &secret);
	user.secrets.bytes = buffer_slice(&list);
	record_user_encode(&user, &value);
	buffer_free(&list);
	put(TABLE_SPACE_USER, "example.org@u", &value);
	put_alias("example.org@list", (const char *const[]){ "u@example.org", "else@example.net", "circle@example.org", NULL });
	put_alias("example.org@circle", (const char *const[]){ "list@example.org", "circle@example.org", NULL });
	put_alias("example.org@", (const char *const[]){ "u@example.org", NULL });
	buffer_free(&value);
}

static void
begin(void)
{
	struct config config;

	if (base != NULL)
		return;
	log_set_level(LOG_EMERG);
	config_defaults(&config);
	base = event_base_new();
	resolve_settings_from(&config, &owner.settings);
	buffer_init(&owner.targets, OWNER_TARGETS_MAX);
	owner.password_cache_ms = 1000;
	owner.index = index_new();
	owner.view = view_of_index(owner.index);
	owner.verified = verified_new();
	owner.tickets = tickets_new();
	owner.guard = guard_new();
	owner.guard_limits.per_account = 1000;
	decoy_set_cost(&owner.decoy, 1);
	fill_table();
}

static void
turn(void)
{
	for (int i = 0; i < TURNS; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Reads the replies away; a ticket among them may be tried later. */
static void
read_replies(int peer, char *ticket)
{
	char reply[4096];
	ssize_t length;

	while ((length = recv(peer, reply, sizeof(reply), MSG_DONTWAIT)) > 0)
		if (length >= WIRE_HEADER_SIZE + 5 + TABLE_TICKET_SIZE)
			memcpy(ticket, reply + WIRE_HEADER_SIZE + 5, TABLE_TICKET_SIZE);
}

/* A question as an honest peer of the socket KIND puts it, about some WORD. */
static void
ask(int peer, unsigned kind, struct slice *input, struct slice word, struct slice ticket)
{
	static const uint16_t types[KINDS] = { TABLE_LOOKUP, TABLE_EXPAND, TABLE_AUTH, TABLE_REDEEM, ADMIN_CALL };
	static const uint16_t logins[] = { TABLE_AUTH, TABLE_SCRAM_BEGIN, TABLE_SCRAM_FINISH, TABLE_SCRAM_ABORT, TABLE_MAY_SEND };
	uint16_t type = types[kind];
	struct wire_writer writer;
	struct buffer out;
	int fd = -1;

	buffer_init(&out, HOSTILE_FRAME);
	if (type == TABLE_AUTH || type == TABLE_LOOKUP)
		type = hostile_byte(input) % 6 == 5 ? type : logins[hostile_byte(input) % (type == TABLE_AUTH ? 4 : 5)];
	writer = wire_begin(&out, type, type == ADMIN_CALL ? WIRE_DESCRIPTOR : 0, 1);
	switch (type) {
	case TABLE_AUTH:
		wire_put_string(&writer, "pop3");
		wire_put_string(&writer, "192.0.2.1");
		wire_put_slice(&writer, word);
		wire_put_slice(&writer, hostile_bytes(input));
		break;
	case TABLE_SCRAM_BEGIN:
		wire_put_string(&writer, "smtp");
		wire_put_string(&writer, "192.0.2.1");
		wire_put_u8(&writer, hostile_byte(input) % 2);
		wire_put_slice(&writer, SLICE("0123"));
		wire_put_slice(&writer, SLICE(""));
		wire_put_slice(&writer, hostile_byte(input) % 2 == 0 ? SLICE("n,,n=u@example.org,r=x") : hostile_bytes(input));
		break;
	case TABLE_SCRAM_FINISH:
	case TABLE_SCRAM_ABORT:
		wire_put_u64(&writer, hostile_byte(input));
		if (type == TABLE_SCRAM_FINISH)
			wire_put_slice(&writer, hostile_bytes(input));
		break;
	case TABLE_MAY_SEND:
		wire_put_string(&writer, "u@example.org");
		wire_put_slice(&writer, word);
		break;
	case TABLE_REDEEM:
		wire_put_slice(&writer, ticket);
		break;
	case ADMIN_CALL:
		wire_put_u8(&writer, hostile_byte(input) % 9);
		wire_put_u8(&writer, hostile_byte(input) % 5);
		wire_put_u32(&writer, hostile_byte(input));
		wire_put_u32(&writer, hostile_byte(input));
		wire_put_slice(&writer, word);
		wire_put_slice(&writer, hostile_bytes(input));
		wire_put_slice(&writer, word);
		wire_put_slice(&writer, SLICE("secret"));
		fd = memfd_create("call", MFD_CLOEXEC);
		break;
	default:
		wire_put_slice(&writer, word);
		break;
	}
	if (wire_end(&writer) != 0)
		abort();
	hostile_send(peer, buffer_slice(&out), fd);
	buffer_free(&out);
}

static void
act(int peer, unsigned kind, struct slice *input, char *ticket)
{
	const struct slice words[] = {
		[TICKET] = slice_of(ticket, TABLE_TICKET_SIZE), SLICE("u@example.org"), SLICE("pop3"), SLICE("192.0.2.1"), SLICE(""), SLICE("postmaster"), SLICE("list@example.org"),
		SLICE("u+Folder@example.org"), SLICE("x"), SLICE("@"), SLICE("example.org"),
	};
	uint8_t what = hostile_byte(input);

	switch (what % 8) {
	case 0:
		turn();
		break;
	case 1:
		answer_password(what / 8 % 3 - 1);
		break;
	case 2:
		answer_job(what / 8);
		break;
	case 3:
		read_replies(peer, ticket);
		break;
	case 4:
		ask(peer, kind, input, words[what / 8 % (sizeof(words) / sizeof(words[0]))], words[TICKET]);
		break;
	case 5:
		hostile_send(peer, hostile_bytes(input), -1);
		break;
	default:
		hostile_frame(peer, input, words, sizeof(words) / sizeof(words[0]), memfd_create("call", MFD_CLOEXEC));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const serve[KINDS])(void *context, int fd) = { serve_smtpd, serve_queued, serve_login, serve_session, serve_admin };
	static char ticket[TABLE_TICKET_SIZE];
	struct slice input = slice_of(data, size);
	unsigned kind = hostile_byte(&input) % KINDS;
	int pair[2];

	if (size == 0)
		return 0;
	begin();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	serve[kind](&owner, pair[0]);
	while (input.length > 0)
		act(pair[1], kind, &input, ticket);
	turn();
	close(pair[1]);
	turn();
	while (password_count > 0)
		answer_password(1);
	while (job_count > 0)
		answer_job(1);
	/* What a peer began is over when it has gone. */
	if (owner.exchanges[0] != 0 || owner.exchanges[1] != 0)
		abort();
	return 0;
}
