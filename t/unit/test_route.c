/*
 * Routes in words and on the wire.
 */
#include <errno.h>

#include "common/mail/route.h"
#include "t/unit/unit.h"

static void
check_words(const char *words, const char *again)
{
	char text[ROUTE_TEXT_MAX];
	struct route route;

	ck_assert_msg(route_parse(slice_from_string(words), &route) == 0, "%s", words);
	ck_assert_str_eq(route_format(&route, text), again);
}

static void
check_refused(const char *words)
{
	struct route route = { .port = 1 };

	ck_assert_msg(route_parse(slice_from_string(words), &route) == -EINVAL, "%s", words);
	ck_assert_int_eq(route.kind, ROUTE_MX);
	ck_assert_uint_eq(route.port, 0);
}

START_TEST(every_route_is_written_as_it_was_read)
{
	check_words("mx", "mx");
	check_words("mx://example.org", "mx://example.org");
	check_words("smtp://mail.example.org", "smtp://mail.example.org");
	check_words("smtp://mail.example.org:25", "smtp://mail.example.org");
	check_words("smtp://mail.example.org:2525", "smtp://mail.example.org:2525");
	check_words("smtp://192.0.2.1:587", "smtp://192.0.2.1:587");
	check_words("smtp://[2001:db8::1]", "smtp://[2001:db8::1]");
	check_words("smtp://[2001:db8::1]:26", "smtp://[2001:db8::1]:26");
	check_words("smtps://mail.example.org", "smtps://mail.example.org");
	check_words("smtps://mail.example.org:25", "smtps://mail.example.org:25");
	check_words("lmtp://localhost:24", "lmtp://localhost:24");
	check_words("lmtp:/run/dovecot/lmtp", "lmtp:/run/dovecot/lmtp");
	check_words("lmtp:/run/Mixed Case", "lmtp:/run/Mixed Case");
	check_words("reject", "reject");
	check_words("discard", "discard");
}
END_TEST

START_TEST(words_are_taken_apart)
{
	struct route route;

	ck_assert_int_eq(route_parse(SLICE("smtps://mail.example.org"), &route), 0);
	ck_assert_int_eq(route.kind, ROUTE_SMTP);
	ck_assert(route.tls_at_once);
	ck_assert_uint_eq(route.port, 465);
	ck_assert_slice(route.host, "mail.example.org");
	ck_assert_int_eq(route_parse(SLICE("smtp://[2001:db8::1]:26"), &route), 0);
	ck_assert_uint_eq(route.port, 26);
	ck_assert_slice(route.host, "[2001:db8::1]");
	ck_assert_int_eq(route_parse(SLICE("lmtp:/run/lmtp"), &route), 0);
	ck_assert_int_eq(route.kind, ROUTE_LMTP_SOCKET);
	ck_assert_slice(route.host, "/run/lmtp");
	ck_assert_int_eq(route_parse(SLICE("mx"), &route), 0);
	ck_assert_uint_eq(route.host.length, 0);
}
END_TEST

START_TEST(words_that_are_no_route_are_refused)
{
	static const char *const wrong[] = {
		"", "MX", "mx:", "mx:/", "mx://", "mx://192.0.2.1", "mx://a..b", "mx://example.org:25", "mx://[192.0.2.1]", "smtp:",
		"smtp://", "smtp:/host", "smtp://host:", "smtp://host:0", "smtp://host:65536", "smtp://host:x", "smtp://host:25:25",
		"smtp://Host", "smtp://ho st", "smtp://host/", "smtp://user@host", "smtp://2001:db8::1", "smtp://[2001:db8::1",
		"smtp://[192.0.2.1]", "smtp://[IPv6:2001:db8::1]", "smtp://300.1.1.1", "smtp://1", "smtp://host.99999999999999999999999",
		"smtp://b\303\274cher.example", "lmtp://host", "lmtp:", "lmtp:run", "lmtp:/", "lmtp:/run/\x01", "rejected", "discard ",
		"ftp://host", "smtp://:25",
	};
	char path[200] = "lmtp:/";

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		check_refused(wrong[i]);
	memset(path + 6, 'a', 107); /* with its slash one byte more than sun_path has */
	check_refused(path);
	path[5 + 107] = '\0';
	check_words(path, path);
}
END_TEST

static void
put(const struct route *route, struct buffer *out)
{
	struct wire_writer writer = wire_begin_bare(out);

	buffer_clear(out);
	route_put(&writer, route);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
}

static bool
survives(const struct route *route)
{
	struct wire_reader reader;
	struct buffer out;
	struct route again;
	bool read;

	buffer_init(&out, 4096);
	put(route, &out);
	reader = wire_read(buffer_slice(&out));
	read = route_get(&reader, &again);
	ck_assert(read == wire_done(&reader));
	if (read)
		ck_assert(route_equal(route, &again));
	buffer_free(&out);
	return read;
}

START_TEST(a_route_arrives_as_it_was_sent)
{
	struct route smarthost = { .kind = ROUTE_SMTP,
		                   .tls = ROUTE_TLS_VERIFIED,
		                   .port = 587,
		                   .host = SLICE("smtp.example.org"),
		                   .login = SLICE("alice"),
		                   .password = SLICE("a b,c%") };
	struct route mx = { .kind = ROUTE_MX };
	struct route socket = { .kind = ROUTE_LMTP_SOCKET, .host = SLICE("/run/lmtp") };

	ck_assert(survives(&smarthost));
	ck_assert(survives(&mx));
	ck_assert(survives(&socket));
	ck_assert(!route_equal(&smarthost, &mx));
}
END_TEST

START_TEST(a_route_that_contradicts_itself_is_refused)
{
	struct slice host = SLICE("smtp.example.org"), word = SLICE("x");
	struct route wrong[] = {
		{ .kind = 6 },
		{ .kind = ROUTE_MX, .port = 25 },
		{ .kind = ROUTE_MX, .tls = 4 },
		{ .kind = ROUTE_MX, .tls_at_once = true },
		{ .kind = ROUTE_MX, .tls = ROUTE_TLS_REQUIRED, .login = word, .password = word },
		{ .kind = ROUTE_SMTP, .host = host },
		{ .kind = ROUTE_SMTP, .port = 25 },
		{ .kind = ROUTE_SMTP, .port = 25, .host = SLICE("Smtp.example.org") },
		{ .kind = ROUTE_SMTP, .port = 25, .host = SLICE("a\0b") },
		{ .kind = ROUTE_SMTP, .port = 25, .host = host, .login = word, .password = word },
		{ .kind = ROUTE_SMTP, .port = 25, .host = host, .tls = ROUTE_TLS_OFF, .login = word, .password = word },
		{ .kind = ROUTE_SMTP, .port = 25, .host = host, .tls = ROUTE_TLS_REQUIRED, .login = word },
		{ .kind = ROUTE_SMTP, .port = 25, .host = host, .tls = ROUTE_TLS_REQUIRED, .password = word },
		{ .kind = ROUTE_SMTP, .port = 25, .host = host, .tls = ROUTE_TLS_OFF, .tls_at_once = true },
		{ .kind = ROUTE_LMTP, .port = 24, .host = host, .tls_at_once = true },
		{ .kind = ROUTE_LMTP_SOCKET, .host = host },
		{ .kind = ROUTE_LMTP_SOCKET, .host = SLICE("/run/lmtp"), .tls = ROUTE_TLS_REQUIRED },
		{ .kind = ROUTE_REJECT, .host = host },
		{ .kind = ROUTE_DISCARD, .tls = ROUTE_TLS_OFF },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_msg(!survives(&wrong[i]), "%zu", i);
		ck_assert_ptr_nonnull(route_problem(&wrong[i]));
	}
}
END_TEST

START_TEST(a_route_cut_short_is_refused)
{
	struct route route = { .kind = ROUTE_LMTP, .port = 24, .host = SLICE("localhost") };
	struct buffer out;

	buffer_init(&out, 4096);
	put(&route, &out);
	for (size_t length = 0; length < buffer_length(&out); length++) {
		struct wire_reader reader = wire_read(slice_first(buffer_slice(&out), length));
		struct route again;

		ck_assert(!route_get(&reader, &again));
		ck_assert(reader.bad);
	}
	buffer_free(&out);
}
END_TEST

UNIT_MAIN("route", every_route_is_written_as_it_was_read, words_are_taken_apart, words_that_are_no_route_are_refused,
          a_route_arrives_as_it_was_sent, a_route_that_contradicts_itself_is_refused, a_route_cut_short_is_refused)
