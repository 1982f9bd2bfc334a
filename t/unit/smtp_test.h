/*
 * What tests of SMTP sessions have in common: a session with the fake world for each test, and a short way to
 * speak with it.
 */
#ifndef ANGARIUM_T_SMTP_TEST_H
#define ANGARIUM_T_SMTP_TEST_H

#include <stdio.h>

#include "common/mail/envelope.h"
#include "t/unit/smtp_fake.h"
#include "t/unit/unit.h"

static struct fake *fake;

static void
setup(void)
{
	fake = fake_new();
	fake_connect(fake, false);
}

static void
teardown(void)
{
	fake_free(fake);
}

static void
hello(void)
{
	fake_send_string(fake, "EHLO client.example.net\r\n");
	fake_replies(fake);
}

/* Says everything up to the first content. */
static inline void
begin(const char *parameters)
{
	char line[200];

	hello();
	snprintf(line, sizeof(line), "MAIL FROM:<a@example.net>%s\r\nRCPT TO:<b@example.org>\r\n", parameters);
	fake_send_string(fake, line);
	ck_assert_str_eq(fake_codes(fake), "250 250");
}

/* Sends, and compares the codes of the replies. */
#define expect(sent, codes)                                   \
	do {                                                  \
		fake_send_string(fake, sent);                 \
		ck_assert_str_eq(fake_codes(fake), codes);    \
	} while (0)

/* A line of 80 bytes, stuffed, with its CRLF, many times. */
static inline void
send_lines(size_t count)
{
	for (size_t i = 0; i < count; i++)
		fake_send_string(fake, "..............................................................................\r\n");
}

/* The body that the queue got after its Received: field. */
static inline const char *
content(void)
{
	const char *at = strstr(fake_body(fake), "\r\n\t");

	while (at != NULL && at[2] == '\t')
		at = strstr(at + 2, "\r\n");
	return at == NULL ? "" : at + 2;
}

/* The flags of the envelope that the queue got last. */
static inline unsigned
envelope_flags(void)
{
	struct envelope envelope;
	unsigned flags;

	ck_assert_int_eq(envelope_decode(buffer_slice(&fake->message.envelope), &envelope), 0);
	flags = envelope.flags;
	envelope_free(&envelope);
	return flags;
}

#endif
