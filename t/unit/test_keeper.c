/*
 * The keeper, and a role that asks it, each with the other side played by this test: well and badly.
 */
#include <errno.h>
#include <event2/event.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/tls_key.h"
#include "common/io/tls_ticket.h"
#include "common/ipc/proto_key.h"
#include "common/proc/control.h"
#include "common/proc/keeper.h"
#include "common/proc/process.h"
#include "common/proc/role_tls.h"
#include "t/unit/tls_peer.h"
#include "t/unit/unit.h"

enum { DAY = 86400, REQUEST = 7 };

static struct event_base *base;
static struct tls_pair pair;
static unsigned char id[TLS_KEY_ID_SIZE];
static int peer; /* the test's end of the channel under test */

/* ---- the process ---- */

static void (*on_sibling)(void *context, int fd);
static void *on_sibling_context;
static unsigned asked; /* for a keeper */

struct event_base *
process_base(struct process *process)
{
	(void)process;
	return base;
}

void
process_on_channel(struct process *process, const char *name, void (*callback)(void *context, int fd), void *context)
{
	(void)process;
	ck_assert_str_eq(name, "keeper");
	on_sibling = callback;
	on_sibling_context = context;
}

int
process_run(struct process *process)
{
	(void)process;
	return 0;
}

int
process_request_channel(struct process *process, const char *name, void (*received)(void *context, int fd), void *context)
{
	int ends[2];

	(void)process;
	ck_assert_str_eq(name, "keeper");
	asked++;
	if (peer >= 0)
		close(peer);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	peer = ends[1];
	received(context, ends[0]);
	return 0;
}

/* Gives a frame to a role as if the parent had sent it. */
static int
parent_sends(const struct role_tls *role, uint16_t type, struct slice payload)
{
	struct buffer bytes;
	struct wire_writer writer;
	struct wire_header header;
	struct channel_frame frame = { .type = type, .fd = -1 };
	int error = -ENOSYS;

	buffer_init(&bytes, WIRE_PAYLOAD_LIMIT);
	writer = wire_begin(&bytes, type, 0, 0);
	if (type == CONTROL_TLS_USE)
		wire_put_u8(&writer, 0);
	else
		wire_put_slice(&writer, payload);
	ck_assert_int_eq(wire_end(&writer), 0);
	ck_assert_int_eq(wire_next(buffer_slice(&bytes), WIRE_PAYLOAD_LIMIT, &header, &payload), 1);
	frame.body = wire_read(payload);
	for (size_t i = 0; i < role->handler_count; i++)
		if (role->handlers[i].type == type)
			error = role->handlers[i].handle(NULL, NULL, &frame);
	buffer_free(&bytes);
	return error;
}

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_set_level(-1);
	peer = -1;
	base = event_base_new();
	tls_pair_make(&pair, "EC", "DNS:mail.example", 0, DAY);
	ck_assert_int_eq(tls_key_id(pair.key, id), 0);
}

static void
teardown(void)
{
	if (peer >= 0)
		close(peer);
	peer = -1;
	event_base_loop(base, EVLOOP_NONBLOCK); /* a keeper frees its end */
	tls_pair_free(&pair);
	event_base_free(base);
}

static void
turn(void)
{
	for (int i = 0; i < 5; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* ---- the keeper ---- */

static void
start_keeper(void)
{
	int ends[2];

	ck_assert_int_eq(parent_sends(&role_keeps_keys, CONTROL_TLS_KEY, slice_from_string(pair.private_key)), 0);
	ck_assert_int_eq(parent_sends(&role_keeps_keys, CONTROL_TLS_USE, SLICE("")), 0);
	keeper_main(NULL);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	peer = ends[1];
	on_sibling(on_sibling_context, ends[0]);
}

/* A question with these fields. */
static struct slice
question(struct buffer *bytes, struct slice key, uint8_t kind, struct slice digest)
{
	struct wire_writer writer;

	buffer_init(bytes, WIRE_PAYLOAD_LIMIT);
	writer = wire_begin(bytes, KEY_SIGN, 0, REQUEST);
	wire_put_slice(&writer, key);
	wire_put_u8(&writer, kind);
	wire_put_slice(&writer, digest);
	ck_assert_int_eq(wire_end(&writer), 0);
	return buffer_slice(bytes);
}

/* Sends it and returns the result, -1 when the keeper closed the channel. */
static int
ask(struct slice bytes, unsigned char *signature, size_t *length_r)
{
	struct wire_header header;
	struct wire_reader body;
	struct slice payload;
	char answer[4096];
	uint8_t result;
	ssize_t got;

	ck_assert_int_eq(send(peer, bytes.data, bytes.length, MSG_NOSIGNAL), (ssize_t)bytes.length);
	turn();
	got = recv(peer, answer, sizeof(answer), MSG_DONTWAIT);
	if (got <= 0)
		return -1;
	ck_assert_int_eq(wire_next(slice_of(answer, (size_t)got), sizeof(answer), &header, &payload), 1);
	ck_assert_uint_eq(header.type, KEY_SIGNATURE);
	ck_assert_uint_eq(header.request, REQUEST);
	body = wire_read(payload);
	result = wire_get_u8(&body);
	payload = wire_get_slice(&body);
	ck_assert(wire_done(&body));
	memcpy(signature, payload.data, payload.length);
	*length_r = payload.length;
	return result;
}

static int
ask_for(struct slice key, uint8_t kind, size_t digest_length)
{
	unsigned char signature[TLS_SIGNATURE_MAX];
	static char digest[128];
	struct buffer bytes;
	size_t length = 0;
	int result = ask(question(&bytes, key, kind, slice_of(digest, digest_length)), signature, &length);

	buffer_free(&bytes);
	ck_assert_int_eq(result == KEY_OK, length > 0);
	return result;
}

START_TEST(the_keeper_signs_with_the_key_that_is_named)
{
	unsigned char signature[TLS_SIGNATURE_MAX];
	unsigned char digest[32] = { 1, 2, 3 };
	EVP_PKEY_CTX *verify = EVP_PKEY_CTX_new(pair.key, NULL);
	struct buffer bytes;
	size_t length;

	start_keeper();
	ck_assert_int_eq(ask(question(&bytes, slice_of(id, sizeof(id)), TLS_SIGN_ECDSA, slice_of(digest, sizeof(digest))), signature, &length),
	                 KEY_OK);
	ck_assert_int_eq(EVP_PKEY_verify_init(verify), 1);
	ck_assert_int_eq(EVP_PKEY_verify(verify, signature, length, digest, sizeof(digest)), 1);
	EVP_PKEY_CTX_free(verify);
	buffer_free(&bytes);
}
END_TEST

START_TEST(the_keeper_refuses_what_a_handshake_does_not_need_and_goes_on)
{
	struct slice key = slice_of(id, sizeof(id));
	static const char other[TLS_KEY_ID_SIZE];

	start_keeper();
	ck_assert_int_eq(ask_for(slice_of(other, sizeof(other)), TLS_SIGN_ECDSA, 32), KEY_UNKNOWN);
	ck_assert_int_eq(ask_for(key, TLS_SIGN_RSA_PKCS1, 32), KEY_REFUSED);
	ck_assert_int_eq(ask_for(key, 0, 32), KEY_REFUSED);
	ck_assert_int_eq(ask_for(key, 255, 32), KEY_REFUSED);
	ck_assert_int_eq(ask_for(key, TLS_SIGN_ECDSA, 0), KEY_REFUSED);
	ck_assert_int_eq(ask_for(key, TLS_SIGN_ECDSA, 20), KEY_REFUSED);
	ck_assert_int_eq(ask_for(key, TLS_SIGN_ECDSA, 65), KEY_REFUSED);
	ck_assert_int_eq(ask_for(key, TLS_SIGN_ECDSA, 48), KEY_OK);
}
END_TEST

START_TEST(a_frame_that_breaks_the_protocol_closes_that_channel_only)
{
	static char garbage[5000];
	struct buffer bytes;
	struct wire_writer writer;

	start_keeper();
	buffer_init(&bytes, WIRE_PAYLOAD_LIMIT);
	writer = wire_begin(&bytes, _i == 0 ? KEY_SIGNATURE : _i == 1 ? 99 : KEY_SIGN, _i == 5 ? WIRE_DESCRIPTOR : 0, REQUEST);
	wire_put_slice(&writer, slice_of(id, _i == 2 ? 31 : sizeof(id)));
	wire_put_u8(&writer, TLS_SIGN_ECDSA);
	if (_i != 3)
		wire_put_slice(&writer, slice_of(garbage, _i == 4 ? sizeof(garbage) : 32));
	if (_i == 6)
		wire_put_u8(&writer, 0);
	ck_assert_int_eq(wire_end(&writer), 0);
	ck_assert_int_eq(ask(buffer_slice(&bytes), (unsigned char *)garbage, &(size_t){ 0 }), -1);
	ck_assert_int_eq(recv(peer, garbage, 1, MSG_DONTWAIT), 0);
	buffer_free(&bytes);
	close(peer);
	start_keeper();
	ck_assert_int_eq(ask_for(slice_of(id, sizeof(id)), TLS_SIGN_ECDSA, 32), KEY_OK);
}
END_TEST

START_TEST(who_asks_again_without_waiting_for_the_answer_is_dropped)
{
	struct slice key = slice_of(id, sizeof(id));
	struct buffer bytes;
	struct slice one = question(&bytes, key, TLS_SIGN_ECDSA, SLICE("01234567890123456789012345678901"));
	char received[1024];

	start_keeper();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(send(peer, one.data, one.length, 0), (ssize_t)one.length);
	turn();
	while (recv(peer, received, sizeof(received), MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(recv(peer, received, 1, MSG_DONTWAIT), 0);
	buffer_free(&bytes);
}
END_TEST

START_TEST(the_keys_of_before_a_reload_are_good_until_the_next)
{
	struct tls_pair fresh;

	start_keeper();
	for (int i = 0; i < 2; i++) {
		tls_pair_make(&fresh, "EC", "DNS:mail.example", 0, DAY);
		ck_assert_int_eq(parent_sends(&role_keeps_keys, CONTROL_TLS_KEY, slice_from_string(fresh.private_key)), 0);
		ck_assert_int_eq(parent_sends(&role_keeps_keys, CONTROL_TLS_USE, SLICE("")), 0);
		tls_pair_free(&fresh);
		ck_assert_int_eq(ask_for(slice_of(id, sizeof(id)), TLS_SIGN_ECDSA, 32), i == 0 ? KEY_OK : KEY_UNKNOWN);
	}
}
END_TEST

/* ---- the one who asks ---- */

/* What the keeper that the test plays does. */
enum mood { HONEST, WRONG_REQUEST, WRONG_TYPE, TWO_ANSWERS, TOO_LONG, GARBAGE, HANGS_UP, REFUSES, MOODS };

static void
start_speaker(void)
{
	static char keys[TLS_TICKET_KEY_SIZE];

	ck_assert_int_eq(parent_sends(&role_speaks_tls, CONTROL_TLS_TICKETS, slice_of(keys, sizeof(keys))), 0);
	ck_assert_int_eq(parent_sends(&role_speaks_tls, CONTROL_TLS_CHAIN, slice_from_string(pair.chain)), 0);
	ck_assert_int_eq(parent_sends(&role_speaks_tls, CONTROL_TLS_USE, SLICE("")), 0);
	ck_assert_ptr_nonnull(role_tls_context());
	ck_assert_int_eq(role_speaks_tls.prepare(NULL), 0);
	ck_assert(tls_key_ready());
}

/* The answer is sent before the question comes: it is waited for without any turn of the loop. */
static void
answer(enum mood mood, uint32_t request, EVP_PKEY *key, struct slice digest)
{
	static char noise[6000];
	unsigned char signature[TLS_SIGNATURE_MAX];
	struct buffer bytes;
	struct wire_writer writer;
	size_t length;

	ck_assert_int_eq(tls_key_sign(key, TLS_SIGN_ECDSA, digest, signature, &length), 0);
	buffer_init(&bytes, WIRE_PAYLOAD_LIMIT);
	for (int i = 0; i < (mood == TWO_ANSWERS ? 2 : 1); i++) {
		writer = wire_begin(&bytes, mood == WRONG_TYPE ? KEY_SIGN : KEY_SIGNATURE, 0, mood == WRONG_REQUEST ? request + 1 : request);
		wire_put_u8(&writer, mood == REFUSES ? KEY_UNKNOWN : KEY_OK);
		wire_put_slice(&writer, mood == TOO_LONG ? slice_of(noise, 3000) : slice_of(signature, mood == REFUSES ? 0 : length));
		ck_assert_int_eq(wire_end(&writer), 0);
	}
	if (mood == GARBAGE) {
		memset(noise, 0xff, sizeof(noise));
		send(peer, noise, sizeof(noise), MSG_NOSIGNAL | MSG_DONTWAIT);
	} else if (mood == HANGS_UP) {
		shutdown(peer, SHUT_WR);
	} else {
		send(peer, bytes.data + bytes.start, buffer_length(&bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	buffer_free(&bytes);
}

/* Signs with what stands for the key. */
static bool
sign_remotely(enum mood mood, uint32_t request)
{
	static const unsigned char text[] = "text";
	unsigned char digest[32];
	unsigned char signature[TLS_SIGNATURE_MAX];
	size_t length = sizeof(signature);
	EVP_PKEY *remote = tls_key_new(pair.key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done;

	EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL);
	answer(mood, request, pair.key, slice_of(digest, sizeof(digest)));
	done = EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, remote, NULL) == 1 &&
	       EVP_DigestSign(context, signature, &length, text, sizeof(text)) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(remote);
	return done;
}

START_TEST(a_keeper_that_talks_nonsense_costs_one_signature_and_is_asked_for_again)
{
	enum mood mood = (enum mood)_i;

	start_speaker();
	ck_assert(sign_remotely(HONEST, 1));
	ck_assert_uint_eq(asked, 1);
	ck_assert_int_eq(sign_remotely(mood, 2), mood == HONEST);
	ck_assert_uint_eq(asked, mood == HONEST || mood == REFUSES ? 1 : 2);
	ck_assert(tls_key_ready());
	ck_assert(sign_remotely(HONEST, 3));
}
END_TEST

START_TEST(a_keeper_that_speaks_unasked_is_dropped)
{
	start_speaker();
	ck_assert_int_eq(send(peer, "hello", 5, 0), 5);
	turn();
	ck_assert_uint_eq(asked, 2);
	ck_assert(sign_remotely(HONEST, 1));
}
END_TEST

START_TEST(certificates_that_cannot_be_used_leave_those_that_are)
{
	struct tls_context *before;

	start_speaker();
	before = role_tls_context();
	ck_assert_int_eq(parent_sends(&role_speaks_tls, CONTROL_TLS_CHAIN, SLICE("nonsense")), 0);
	ck_assert_int_eq(parent_sends(&role_speaks_tls, CONTROL_TLS_USE, SLICE("")), 0);
	ck_assert_ptr_eq(role_tls_context(), before);
}
END_TEST

START_TEST(without_a_certificate_no_connection_gets_tls)
{
	start_speaker();
	ck_assert(sign_remotely(HONEST, 1));
	ck_assert_int_eq(parent_sends(&role_speaks_tls, CONTROL_TLS_USE, SLICE("")), 0);
	ck_assert_ptr_null(role_tls_context());
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("keeper");
	TCase *keeper = tcase_create("keeper");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(keeper, setup, teardown);
	tcase_set_timeout(keeper, 60);
	tcase_add_test(keeper, the_keeper_signs_with_the_key_that_is_named);
	tcase_add_test(keeper, the_keeper_refuses_what_a_handshake_does_not_need_and_goes_on);
	tcase_add_loop_test(keeper, a_frame_that_breaks_the_protocol_closes_that_channel_only, 0, 7);
	tcase_add_test(keeper, who_asks_again_without_waiting_for_the_answer_is_dropped);
	tcase_add_test(keeper, the_keys_of_before_a_reload_are_good_until_the_next);
	tcase_add_loop_test(keeper, a_keeper_that_talks_nonsense_costs_one_signature_and_is_asked_for_again, 0, MOODS);
	tcase_add_test(keeper, a_keeper_that_speaks_unasked_is_dropped);
	tcase_add_test(keeper, certificates_that_cannot_be_used_leave_those_that_are);
	tcase_add_test(keeper, without_a_certificate_no_connection_gets_tls);
	suite_add_tcase(suite, keeper);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
