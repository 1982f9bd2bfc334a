/*
 * TLS connections: names and certificates, session tickets, and keys.
 */
#include "t/unit/tls_world.h"

START_TEST(the_server_name_chooses_the_certificate)
{
	static const char *const names[][2] = {
		{ "one.example", "one.example" },      { "ONE.example", "one.example" },
		{ "a.two.example", "*.two.example" },  { "a.b.two.example", "one.example" },
		{ "nobody.example", "one.example" },   { "", "one.example" },
	};

	add_pair("EC", "DNS:one.example");
	add_pair("EC", "DNS:*.two.example");
	make_context(false);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		connect_client();
		ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
		if (names[i][0][0] != '\0')
			SSL_set_tlsext_host_name(client, names[i][0]);
		ck_assert(shake());
		ck_assert_msg(server_is(names[i][1]), "%s", names[i][0]);
	}
}
END_TEST

START_TEST(ecdsa_and_rsa_are_used_together)
{
	add_pair("EC", "DNS:one.example");
	add_pair("EC", "DNS:two.example");
	add_pair("RSA", "DNS:two.example,DNS:one.example");
	make_context(false);
	for (int i = 0; i < 4; i++) {
		bool ecdsa = i % 2 == 0;
		const char *name = i < 2 ? "one.example" : "two.example";

		SSL_CTX_set1_sigalgs_list(client_context, ecdsa ? "ECDSA+SHA256:RSA-PSS+SHA256" : "RSA-PSS+SHA256");
		connect_client();
		ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
		SSL_set_tlsext_host_name(client, name);
		ck_assert(shake());
		ck_assert(server_is(name));
		ck_assert(server_key_is(ecdsa ? "EC" : "RSA"));
	}
}
END_TEST

/* A session that can be resumed. */
static SSL_SESSION *
first_session(void)
{
	ck_assert(shake_at_once());
	say("x\n");
	receive();
	ck_assert(SSL_SESSION_is_resumable(SSL_get0_session(client)));
	return SSL_get1_session(client);
}

static bool
resumes(SSL_SESSION *session)
{
	connect_client();
	SSL_set_session(client, session);
	ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
	ck_assert(shake());
	ck_assert_int_eq(server.info.resumed, SSL_session_reused(client));
	return server.info.resumed;
}

START_TEST(a_session_resumes_in_another_worker_with_the_same_ticket_keys)
{
	SSL_SESSION *session;

	set_version(_i == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	session = first_session();
	make_context(false); /* has nothing of the first one's but the keys */
	ck_assert(resumes(session));
	SSL_SESSION_free(session);
}
END_TEST

/* Server and client would bind a login to the same certificate. */
static void
assert_same_end_point(void)
{
	struct tls_binding binding;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length;

	ck_assert_int_eq(X509_digest(SSL_get0_peer_certificate(client), EVP_sha256(), digest, &length), 1);
	ck_assert(conn_tls_binding(server.conn, &binding));
	ck_assert_uint_eq(binding.end_point_length, length);
	ck_assert_mem_eq(binding.end_point, digest, length);
}

START_TEST(the_end_point_of_a_resumed_session_is_the_certificate_that_it_began_with)
{
	SSL_SESSION *session;

	set_version(_i / 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set1_sigalgs_list(client_context, _i % 2 == 0 ? "ECDSA+SHA256:RSA-PSS+SHA256" : "RSA-PSS+SHA256");
	add_pair("EC", "DNS:mail.example");
	add_pair("RSA", "DNS:mail.example");
	make_context(false);
	session = first_session();
	ck_assert(server_key_is(_i % 2 == 0 ? "EC" : "RSA"));
	assert_same_end_point();
	for (int again = 0; again < 3; again++) {
		if (again == 1) { /* a reload has brought other certificates */
			tls_pair_free(&pairs[0]);
			tls_pair_free(&pairs[1]);
			pair_count = 0;
			add_pair("EC", "DNS:mail.example");
			add_pair("RSA", "DNS:mail.example");
			make_context(false);
		}
		ck_assert(resumes(session));
		assert_same_end_point();
		say("x\n");
		receive();
		SSL_SESSION_free(session);
		session = SSL_get1_session(client); /* TLS 1.3: by the ticket that came with this one */
	}
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(tickets_live_as_long_as_their_key)
{
	char keys[3][TLS_TICKET_KEY_SIZE];
	char both[2 * TLS_TICKET_KEY_SIZE];
	SSL_SESSION *session;

	set_version(_i == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
	RAND_bytes((unsigned char *)keys, sizeof(keys));
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	ck_assert_int_eq(tls_ticket_set_keys(slice_of(keys[0], TLS_TICKET_KEY_SIZE)), 0);
	session = first_session();
	memcpy(both, keys[1], TLS_TICKET_KEY_SIZE);
	memcpy(both + TLS_TICKET_KEY_SIZE, keys[0], TLS_TICKET_KEY_SIZE);
	ck_assert_int_eq(tls_ticket_set_keys(slice_of(both, sizeof(both))), 0);
	ck_assert(resumes(session));
	memcpy(both, keys[2], TLS_TICKET_KEY_SIZE);
	memcpy(both + TLS_TICKET_KEY_SIZE, keys[1], TLS_TICKET_KEY_SIZE);
	ck_assert_int_eq(tls_ticket_set_keys(slice_of(both, sizeof(both))), 0);
	ck_assert(!resumes(session));
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(ticket_keys_of_a_wrong_size_are_refused)
{
	char keys[TLS_TICKET_KEY_SIZE * 3] = { 0 };

	ck_assert_int_ne(tls_ticket_set_keys(slice_of(keys, 0)), 0);
	ck_assert_int_ne(tls_ticket_set_keys(slice_of(keys, TLS_TICKET_KEY_SIZE - 1)), 0);
	ck_assert_int_ne(tls_ticket_set_keys(slice_of(keys, sizeof(keys))), 0);
}
END_TEST

START_TEST(a_pair_that_is_not_one_is_refused_with_a_reason)
{
	struct tls_certificate certificate;
	const char *reason = NULL;

	add_pair("EC", "DNS:mail.example");
	add_pair("EC", "DNS:mail.example");
	ck_assert_int_ne(tls_certificate_parse(SLICE("nonsense"), &certificate, &reason), 0);
	ck_assert_ptr_nonnull(strstr(reason, "no certificate"));
	ck_assert_int_ne(tls_certificate_parse(SLICE(""), &certificate, &reason), 0);
	ck_assert_int_eq(tls_certificate_parse(slice_from_string(pairs[0].chain), &certificate, &reason), 0);
	ck_assert_int_eq(tls_certificate_check_key(&certificate, slice_from_string(pairs[0].private_key), &reason), 0);
	ck_assert_int_ne(tls_certificate_check_key(&certificate, slice_from_string(pairs[1].private_key), &reason), 0);
	ck_assert_ptr_nonnull(strstr(reason, "does not belong"));
	ck_assert_int_ne(tls_certificate_check_key(&certificate, slice_from_string(pairs[0].chain), &reason), 0);
	ck_assert(!tls_certificate_expired(&certificate));
	tls_certificate_free(&certificate);
}
END_TEST

START_TEST(an_expired_certificate_is_known_as_such)
{
	struct tls_certificate certificate;
	const char *reason;

	tls_pair_make(&pairs[pair_count++], "EC", "DNS:mail.example", -2 * DAY, -DAY);
	ck_assert_int_eq(tls_certificate_parse(slice_from_string(pairs[0].chain), &certificate, &reason), 0);
	ck_assert(tls_certificate_expired(&certificate));
	tls_certificate_free(&certificate);
}
END_TEST

START_TEST(the_common_name_counts_only_without_other_names)
{
	struct tls_certificate certificate;
	const char *reason;

	add_pair("EC", NULL);
	add_pair("EC", "DNS:mail.example");
	ck_assert_int_eq(tls_certificate_parse(slice_from_string(pairs[0].chain), &certificate, &reason), 0);
	ck_assert(tls_certificate_is_for(&certificate, SLICE("common.example")));
	tls_certificate_free(&certificate);
	ck_assert_int_eq(tls_certificate_parse(slice_from_string(pairs[1].chain), &certificate, &reason), 0);
	ck_assert(!tls_certificate_is_for(&certificate, SLICE("common.example")));
	ck_assert(tls_certificate_is_for(&certificate, SLICE("MAIL.example")));
	tls_certificate_free(&certificate);
}
END_TEST

START_TEST(a_key_signs_only_what_fits_it)
{
	unsigned char signature[TLS_SIGNATURE_MAX];
	char digest[64] = { 0 };
	size_t length;

	add_pair("EC", "DNS:mail.example");
	add_pair("RSA", "DNS:mail.example");
	ck_assert_int_eq(tls_key_sign(pairs[0].key, TLS_SIGN_ECDSA, slice_of(digest, 32), signature, &length), 0);
	ck_assert_int_eq(tls_key_sign(pairs[1].key, TLS_SIGN_RSA_PSS, slice_of(digest, 48), signature, &length), 0);
	ck_assert_int_eq(tls_key_sign(pairs[1].key, TLS_SIGN_RSA_PKCS1, slice_of(digest, 64), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[0].key, TLS_SIGN_RSA_PSS, slice_of(digest, 32), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[1].key, TLS_SIGN_ECDSA, slice_of(digest, 32), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[1].key, TLS_SIGN_RSA_PKCS1, slice_of(digest, 20), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[1].key, (enum tls_signature)7, slice_of(digest, 32), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[1].key, (enum tls_signature)0, slice_of(digest, 32), signature, &length), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls certificates");
	TCase *tls = tcase_create("tls certificates");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tls, setup, teardown);
	tcase_set_timeout(tls, 60);
	tcase_add_test(tls, the_server_name_chooses_the_certificate);
	tcase_add_test(tls, ecdsa_and_rsa_are_used_together);
	tcase_add_loop_test(tls, a_session_resumes_in_another_worker_with_the_same_ticket_keys, 0, 2);
	tcase_add_loop_test(tls, the_end_point_of_a_resumed_session_is_the_certificate_that_it_began_with, 0, 4);
	tcase_add_loop_test(tls, tickets_live_as_long_as_their_key, 0, 2);
	tcase_add_test(tls, ticket_keys_of_a_wrong_size_are_refused);
	tcase_add_test(tls, a_pair_that_is_not_one_is_refused_with_a_reason);
	tcase_add_test(tls, an_expired_certificate_is_known_as_such);
	tcase_add_test(tls, the_common_name_counts_only_without_other_names);
	tcase_add_test(tls, a_key_signs_only_what_fits_it);
	suite_add_tcase(suite, tls);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
