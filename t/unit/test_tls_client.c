/*
 * TLS connections of a client: whom it takes for the server that it wanted, and what it says when it does not.
 */
#include "t/unit/tls_client_world.h"

/* ---- without authentication ---- */

START_TEST(any_certificate_does_when_nobody_asks)
{
	issue(&leaf, "DNS:elsewhere.example", NULL, -2 * DAY, -DAY);
	show(&leaf, NULL, NULL);
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	ck_assert(shake_at_once());
	ck_assert_int_eq(client.info.peer, TLS_PEER_NONE);
	ck_assert_str_eq(client.info.version, "TLSv1.3");
	ck_assert_str_eq(asked_name, "mail.example");
	server_says("250 hello\n");
	ck_assert_str_eq(client.lines, "250 hello|");
	ck_assert_int_eq(conn_printf(client.conn, "MAIL FROM:<>\r\n"), 0);
	ck_assert_str_eq(heard_by_server(), "MAIL FROM:<>\r\n");
}
END_TEST

START_TEST(a_server_without_a_name_is_asked_for_none)
{
	want(TLS_CLIENT_ANY, NO_NAME, NO_NAME);
	ck_assert(shake_at_once());
	ck_assert_str_eq(asked_name, "");
	want(TLS_CLIENT_ANY, SLICE("192.0.2.1"), NO_NAME);
	ck_assert(shake_at_once());
	ck_assert_str_eq(asked_name, "");
}
END_TEST

START_TEST(tls_1_2_will_do_and_nothing_older)
{
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	SSL_CTX_set_max_proto_version(server_context, TLS1_2_VERSION);
	ck_assert(shake_at_once());
	ck_assert_str_eq(client.info.version, "TLSv1.2");
	ck_assert(is_authority("mail.example"));
	publish(&leaf, 3, 1, 1);
	ck_assert(is_dane("mail.example"));
	SSL_CTX_set_security_level(server_context, 0);
	SSL_CTX_set_min_proto_version(server_context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(server_context, TLS1_1_VERSION);
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	ck_assert(!shake_at_once());
	ck_assert(client.ended);
}
END_TEST

START_TEST(old_ciphers_of_tls_1_2_are_better_than_none)
{
	static const char *const ciphers[] = { "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA" };

	SSL_CTX_set_max_proto_version(server_context, TLS1_2_VERSION);
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		ck_assert_int_eq(SSL_CTX_set_cipher_list(server_context, ciphers[i]), 1);
		ck_assert(shake_at_once());
	}
	ck_assert_int_eq(SSL_CTX_set_cipher_list(server_context, "aNULL:eNULL:@SECLEVEL=0"), 1);
	ck_assert(!shake_at_once());
}
END_TEST

/* ---- authorities ---- */

START_TEST(an_authority_stands_for_the_names_of_a_certificate)
{
	ck_assert(is_authority("mail.example"));
	ck_assert_str_eq(asked_name, "mail.example");
	ck_assert(is_authority("MAIL.Example"));
	ck_assert(is_authority("a.wild.example"));
	ck_assert(!is_authority("other.example"));
	failed_with("hostname mismatch");
	ck_assert(!is_authority("a.b.wild.example"));
	failed_with("hostname mismatch");
	ck_assert(!is_authority("wild.example"));
	ck_assert(!is_authority("common.example"));
	ck_assert(!is_authority("x.mail.example"));
}
END_TEST

START_TEST(a_wildcard_is_a_whole_label)
{
	issue(&leaf, "DNS:m*.example.org,DNS:*.a.example.org", &middle, -DAY, DAY);
	show(&leaf, &middle, NULL);
	ck_assert(!is_authority("mail.example.org"));
	ck_assert(is_authority("mail.a.example.org"));
}
END_TEST

START_TEST(one_of_the_names_is_enough)
{
	want(TLS_CLIENT_AUTHORITY, SLICE("mx.example"), SLICE("mail.example"));
	ck_assert(shake_at_once());
	ck_assert_str_eq(asked_name, "mx.example");
	ck_assert_int_eq(client.info.peer, TLS_PEER_AUTHORITY);
}
END_TEST

START_TEST(a_certificate_can_be_for_an_address)
{
	issue(&leaf, "IP:192.0.2.1,IP:2001:db8::1", &middle, -DAY, DAY);
	show(&leaf, &middle, NULL);
	ck_assert(is_authority("192.0.2.1"));
	ck_assert(is_authority("2001:db8::1"));
	ck_assert(!is_authority("192.0.2.2"));
	failed_with("IP address mismatch");
}
END_TEST

START_TEST(who_is_signed_by_nobody_known_is_refused)
{
	trust(&other);
	ck_assert(!is_authority("mail.example"));
	failed_with("unable to get local issuer certificate");
	trust(NULL);
	ck_assert(!is_authority("mail.example"));
	trust(&root);
	show(&leaf, NULL, NULL);
	ck_assert(!is_authority("mail.example"));
	failed_with("unable to get local issuer certificate");
	issue(&leaf, "DNS:mail.example", NULL, -DAY, DAY);
	show(&leaf, NULL, NULL);
	ck_assert(!is_authority("mail.example"));
	failed_with("self-signed certificate");
	/* Signed by somebody who is no authority. */
	issue(&other, "DNS:other.example", &middle, -DAY, DAY);
	issue(&leaf, "DNS:mail.example", &other, -DAY, DAY);
	show(&leaf, &other, &middle);
	ck_assert(!is_authority("mail.example"));
}
END_TEST

START_TEST(a_certificate_has_its_time)
{
	issue(&leaf, "DNS:mail.example", &middle, -2 * DAY, -DAY);
	show(&leaf, &middle, NULL);
	ck_assert(!is_authority("mail.example"));
	failed_with("certificate has expired");
	issue(&leaf, "DNS:mail.example", &middle, DAY, 2 * DAY);
	show(&leaf, &middle, NULL);
	ck_assert(!is_authority("mail.example"));
	failed_with("certificate is not yet valid");
}
END_TEST

/* ---- DANE ---- */

START_TEST(a_record_of_the_certificate_itself_is_enough_whatever_stands_in_it)
{
	/* RFC 7672 3.1.1: neither names nor dates nor signers count. */
	issue(&leaf, "DNS:elsewhere.example", NULL, -2 * DAY, -DAY);
	show(&leaf, NULL, NULL);
	trust(NULL);
	for (uint8_t selector = 0; selector <= 1; selector++) {
		for (uint8_t matching = 0; matching <= 2; matching++) {
			publish_nothing();
			publish(&leaf, 3, selector, matching);
			ck_assert(is_dane("mail.example"));
			ck_assert_str_eq(asked_name, "mail.example");
			publish_nothing();
			publish(&other, 3, selector, matching);
			ck_assert(!is_dane("mail.example"));
			failed_with("no matching DANE TLSA records");
		}
	}
}
END_TEST

START_TEST(a_record_of_an_authority_needs_the_right_name)
{
	trust(NULL);
	show(&leaf, &middle, &root);
	for (uint8_t matching = 0; matching <= 2; matching++) {
		publish_nothing();
		publish(&root, 2, (uint8_t)(matching & 1), matching);
		ck_assert(is_dane("mail.example"));
		ck_assert(!is_dane("mx.example"));
		failed_with("hostname mismatch");
		want(TLS_CLIENT_DANE, SLICE("mx.example"), SLICE("mail.example"));
		ck_assert(shake_at_once());
		ck_assert_str_eq(asked_name, "mx.example");
		ck_assert_int_eq(client.info.peer, TLS_PEER_DANE);
	}
	publish_nothing();
	publish(&middle, 2, 0, 1);
	ck_assert(is_dane("mail.example"));
	publish_nothing();
	publish(&other, 2, 0, 1);
	ck_assert(!is_dane("mail.example"));
}
END_TEST

START_TEST(an_authority_by_record_needs_dates_and_signatures)
{
	publish(&root, 2, 0, 1);
	show(&leaf, &middle, NULL);
	/* A digest finds nothing that is not shown (RFC 7672 3.1.2), even when the client trusts it otherwise. */
	ck_assert(!is_dane("mail.example"));
	issue(&leaf, "DNS:mail.example", &middle, -2 * DAY, -DAY);
	show(&leaf, &middle, &root);
	ck_assert(!is_dane("mail.example"));
	failed_with("certificate has expired");
	issue(&leaf, "DNS:mail.example", NULL, -DAY, DAY);
	show(&leaf, &middle, &root);
	ck_assert(!is_dane("mail.example"));
}
END_TEST

START_TEST(one_right_record_among_wrong_and_unusable_ones_is_enough)
{
	publish(&leaf, 0, 0, 1);
	publish(&leaf, 1, 1, 1);
	publish(&other, 3, 1, 1);
	publish(&leaf, 3, 1, 3);
	publish(&leaf, 3, 2, 1);
	publish(&other, 2, 0, 2);
	ck_assert(!is_dane("mail.example"));
	failed_with("no matching DANE TLSA records");
	publish(&leaf, 3, 1, 2);
	ck_assert(is_dane("mail.example"));
}
END_TEST

START_TEST(records_that_cannot_be_used_are_no_authentication)
{
	struct tls_client_tlsa record;

	publish(&leaf, 0, 0, 1);
	publish(&leaf, 1, 0, 1);
	publish(&leaf, 255, 255, 255);
	for (size_t i = 0; i < record_count; i++)
		ck_assert(!tls_client_tlsa_usable(&records[i]));
	want(TLS_CLIENT_DANE, SLICE("mail.example"), NO_NAME);
	connect_client();
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EINVAL);
	/* What is not what its type says. */
	for (uint8_t selector = 0; selector <= 1; selector++) {
		for (uint8_t matching = 0; matching <= 2; matching++) {
			record = tls_record_make(&leaf, 3, selector, matching);
			ck_assert(tls_client_tlsa_usable(&record));
			record.data.length--;
			ck_assert(!tls_client_tlsa_usable(&record));
			record.data.length = 0;
			ck_assert(!tls_client_tlsa_usable(&record));
			tls_record_free(&record);
		}
	}
	record = tls_record_make(&leaf, 3, 0, 0);
	record.selector = 1;
	ck_assert(!tls_client_tlsa_usable(&record));
	tls_record_free(&record);
}
END_TEST

START_TEST(settings_that_cannot_be_fulfilled_are_refused)
{
	char long_name[TLS_CLIENT_NAME_MAX + 1];
	const struct {
		enum tls_client_check check;
		struct slice names[2];
	} cases[] = {
		{ TLS_CLIENT_AUTHORITY, { NO_NAME, NO_NAME } },
		{ TLS_CLIENT_DANE, { NO_NAME, NO_NAME } },
		{ TLS_CLIENT_DANE, { SLICE("192.0.2.1"), NO_NAME } },
		{ TLS_CLIENT_AUTHORITY, { SLICE("192.0.2.1"), SLICE("mail.example") } },
		{ TLS_CLIENT_AUTHORITY, { SLICE(".example"), NO_NAME } },
		{ TLS_CLIENT_AUTHORITY, { SLICE("mail.example\0.evil.example"), NO_NAME } },
		{ TLS_CLIENT_ANY, { slice_of(long_name, sizeof(long_name)), NO_NAME } },
	};

	memset(long_name, 'a', sizeof(long_name));
	publish(&leaf, 3, 1, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		want(cases[i].check, cases[i].names[0], cases[i].names[1]);
		connect_client();
		ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EINVAL);
	}
	want(TLS_CLIENT_AUTHORITY, SLICE("mail.example"), NO_NAME);
	client.settings.names[1] = SLICE("");
	client.settings.name_count = 2;
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EINVAL);
	client.settings.name_count = TLS_CLIENT_NAMES_MAX + 1;
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EINVAL);
}
END_TEST

START_TEST(authorities_that_cannot_be_read_are_refused_with_a_reason)
{
	struct tls_client_context *context = NULL;
	const char *reason;
	struct buffer text;

	ck_assert_int_eq(tls_client_context_new(SLICE("nothing"), &context, &reason), -EINVAL);
	ck_assert_str_eq(reason, "holds no certificate in PEM");
	buffer_init(&text, 1 << 20);
	buffer_append_string(&text, "# comment\n");
	tls_issued_write(&root, &text);
	buffer_append_string(&text, "# another\n");
	tls_issued_write(&other, &text);
	tls_issued_write(&other, &text);
	ck_assert_int_eq(tls_client_context_new(buffer_slice(&text), &context, &reason), 0);
	tls_client_context_free(&context);
	buffer_append_string(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	ck_assert_int_eq(tls_client_context_new(buffer_slice(&text), &context, &reason), -EINVAL);
	ck_assert_str_eq(reason, "has a certificate that cannot be read");
	buffer_free(&text);
}
END_TEST

UNIT_MAIN_WITH("tls client", setup, teardown, any_certificate_does_when_nobody_asks, a_server_without_a_name_is_asked_for_none,
               tls_1_2_will_do_and_nothing_older, old_ciphers_of_tls_1_2_are_better_than_none,
               an_authority_stands_for_the_names_of_a_certificate, a_wildcard_is_a_whole_label, one_of_the_names_is_enough,
               a_certificate_can_be_for_an_address, who_is_signed_by_nobody_known_is_refused, a_certificate_has_its_time,
               a_record_of_the_certificate_itself_is_enough_whatever_stands_in_it, a_record_of_an_authority_needs_the_right_name,
               an_authority_by_record_needs_dates_and_signatures, one_right_record_among_wrong_and_unusable_ones_is_enough,
               records_that_cannot_be_used_are_no_authentication, settings_that_cannot_be_fulfilled_are_refused,
               authorities_that_cannot_be_read_are_refused_with_a_reason)
