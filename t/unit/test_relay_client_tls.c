/*
 * Sessions of the relay's client under TLS: STARTTLS and what is forgotten with it, TLS at once, handshakes that fail, and logins.
 */
#include "t/unit/unit.h"

#include <openssl/ssl.h>
#include <signal.h>

#include "t/unit/relay_world.h"
#include "t/unit/tls_issue.h"

enum { DAY = 86400 };

static struct world *world;
static struct issued certificate;
static SSL_CTX *server_context;
static SSL *server;
static struct tls_client_context *client_context;
static struct tls_client_settings tls_settings;
static char heard[65536];

static void
setup(enum client_tls tls)
{
	struct issue wanted = { .subject = "mx.example", .names = "DNS:mx.example", .from = -DAY, .to = DAY };
	const char *reason;

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(tls_prepare(), 0);
	tls_issue(&wanted, &certificate);
	server_context = SSL_CTX_new(TLS_server_method());
	ck_assert_int_eq(SSL_CTX_use_certificate(server_context, certificate.certificate), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(server_context, certificate.key), 1);
	ck_assert_int_eq(tls_client_context_new(SLICE(""), &client_context, &reason), 0);
	tls_settings = (struct tls_client_settings){ .check = TLS_CLIENT_ANY, .name_count = 1, .names = { SLICE("mx.example") } };
	world = world_new();
	world->settings.tls = tls;
	world->settings.tls_context = client_context;
	world->settings.tls_settings = &tls_settings;
}

static void
teardown(void)
{
	world_free(world);
	SSL_free(server);
	SSL_CTX_free(server_context);
	tls_client_context_free(&client_context);
	tls_issued_free(&certificate);
}

static bool
shake(void)
{
	bool done = false;

	server = SSL_new(server_context);
	SSL_set_fd(server, world->remote);
	SSL_set_accept_state(server);
	for (int i = 0; i < 20 && !done; i++) {
		done = SSL_do_handshake(server) == 1;
		world_turn(world);
	}
	return done;
}

static void
says(const char *text)
{
	ck_assert_int_eq(SSL_write(server, text, (int)strlen(text)), (int)strlen(text));
	world_turn(world);
}

static const char *
hears(void)
{
	int got = SSL_read(server, heard, sizeof(heard) - 1);

	heard[got < 0 ? 0 : got] = '\0';
	return heard;
}

/* Up to the second EHLO, under TLS. */
static void
start_tls(void)
{
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_says(world, "250-remote\r\n250-CHUNKING\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n");
	ck_assert_str_eq(world_hears(world), "EHLO me.example\r\nSTARTTLS\r\n");
	world_says(world, "220 go on\r\n");
	ck_assert(shake());
	ck_assert_str_eq(hears(), "EHLO me.example\r\n");
}

START_TEST(after_starttls_the_session_begins_anew)
{
	struct tls_info info;

	setup(CLIENT_TLS_MAY);
	start_tls();
	ck_assert_uint_eq(world->readies, 0);
	says("250-remote\r\n250 PIPELINING\r\n");
	ck_assert_uint_eq(world->readies, 1);
	ck_assert(client_tls_info(world->client, &info));
	world_send(world);
	/* CHUNKING was offered before, and is not now. */
	ck_assert_str_eq(hears(), "MAIL FROM:<s@example.com>\r\nRCPT TO:<a@example.org>\r\nDATA\r\n");
	says("250 Ok\r\n250 Ok\r\n354 go\r\n");
	ck_assert_str_eq(hears(), "Subject: x\r\n\r\nhello\r\n.\r\n");
	says("250 Ok\r\n");
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_DONE);
	teardown();
}
END_TEST

START_TEST(an_offer_of_starttls_under_tls_is_ignored)
{
	setup(CLIENT_TLS_MUST);
	start_tls();
	says("250-remote\r\n250 STARTTLS\r\n");
	ck_assert_uint_eq(world->readies, 1);
	teardown();
}
END_TEST

START_TEST(with_tls_at_once_the_greeting_comes_under_it)
{
	setup(CLIENT_TLS_MUST);
	world->settings.tls_at_once = true;
	world_connect(world);
	ck_assert(shake());
	says("220 remote\r\n");
	ck_assert_str_eq(hears(), "EHLO me.example\r\n");
	says("250 remote\r\n");
	ck_assert_uint_eq(world->readies, 1);
	teardown();
}
END_TEST

START_TEST(a_handshake_that_fails_is_told_from_other_failures)
{
	static const char *const faults[] = { "this is no TLS at all, not even nearly\r\n", "" };

	for (size_t i = 0; i < 2; i++) {
		setup(CLIENT_TLS_MAY);
		world_connect(world);
		world_says(world, "220 remote\r\n");
		world_says(world, "250-remote\r\n250 STARTTLS\r\n");
		world_says(world, "220 go on\r\n");
		if (i == 0)
			world_says(world, faults[i]);
		else
			world_drops(world);
		ck_assert_uint_eq(world->ends, 1);
		ck_assert(world->end.tls_failed);
		ck_assert_int_eq(world->end.result.result, RELAY_TEMPORARY);
		teardown();
	}
}
END_TEST

START_TEST(a_server_that_is_not_the_right_one_gets_nothing)
{
	setup(CLIENT_TLS_MUST);
	tls_settings.check = TLS_CLIENT_AUTHORITY;
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_says(world, "250-remote\r\n250 STARTTLS\r\n");
	world_hears(world);
	world_says(world, "220 go on\r\n");
	ck_assert(!shake());
	ck_assert_uint_eq(world->ends, 1);
	ck_assert(world->end.tls_failed);
	ck_assert_str_eq(world->end.result.status, "4.7.5");
	ck_assert_str_eq(hears(), "");
	teardown();
}
END_TEST

static void
log_in(void)
{
	setup(CLIENT_TLS_MUST);
	world->settings.login = SLICE("user");
	world->settings.password = SLICE("secret");
	start_tls();
}

START_TEST(a_login_by_plain)
{
	log_in();
	says("250-remote\r\n250 AUTH LOGIN PLAIN\r\n");
	ck_assert_str_eq(hears(), "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
	ck_assert_uint_eq(world->readies, 0);
	says("235 2.7.0 Welcome\r\n");
	ck_assert_uint_eq(world->readies, 1);
	teardown();
}
END_TEST

START_TEST(a_login_by_login)
{
	log_in();
	says("250-remote\r\n250 AUTH LOGIN\r\n");
	ck_assert_str_eq(hears(), "AUTH LOGIN\r\n");
	says("334 VXNlcm5hbWU6\r\n");
	ck_assert_str_eq(hears(), "dXNlcg==\r\n");
	says("334 UGFzc3dvcmQ6\r\n");
	ck_assert_str_eq(hears(), "c2VjcmV0\r\n");
	says("235 Welcome\r\n");
	ck_assert_uint_eq(world->readies, 1);
	teardown();
}
END_TEST

START_TEST(a_refused_login_defers)
{
	log_in();
	says("250-remote\r\n250 AUTH PLAIN\r\n");
	hears();
	says("535 5.7.8 Wrong\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_int_eq(world->end.result.result, RELAY_TEMPORARY);
	ck_assert_str_eq(world->end.result.text, "535 5.7.8 Wrong");
	client_quit(&world->client);
	world_turn(world);
	ck_assert_str_eq(hears(), "QUIT\r\n");
	teardown();
}
END_TEST

START_TEST(a_server_without_a_mechanism_for_the_login_gets_no_mail)
{
	log_in();
	says("250-remote\r\n250 AUTH CRAM-MD5\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_int_eq(world->end.result.result, RELAY_TEMPORARY);
	ck_assert_str_eq(world->end.result.status, "4.7.0");
	teardown();
}
END_TEST

UNIT_MAIN("relay_client_tls", after_starttls_the_session_begins_anew, an_offer_of_starttls_under_tls_is_ignored, with_tls_at_once_the_greeting_comes_under_it,
          a_handshake_that_fails_is_told_from_other_failures, a_server_that_is_not_the_right_one_gets_nothing, a_login_by_plain, a_login_by_login,
          a_refused_login_defers, a_server_without_a_mechanism_for_the_login_gets_no_mail)
