/*
 * The envelope's encoding: what went in comes out, and what another process or a disk garbled is refused.
 */
#include <errno.h>
#include <string.h>

#include "common/ipc/wire.h"
#include "common/mail/envelope.h"
#include "t/unit/unit.h"

static struct envelope_recipient recipients[] = {
	{ { "a@example.org", 13 },
	  { "rfc822;A@example.org", 20 },
	  ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY },
	{ { "b@example.net", 13 }, { "", 0 }, 0 },
};

static struct envelope
sample(void)
{
	return (struct envelope){
		.sender = SLICE("s@example.org"),
		.envid = SLICE("id 1"),
		.client = SLICE("192.0.2.1"),
		.session = SLICE("1AB2"),
		.flags = ENVELOPE_8BITMIME | ENVELOPE_RET_HDRS,
		.recipient_count = 2,
		.recipients = recipients,
	};
}

/* Encodes ENVELOPE and decodes it again. */
static int
round_trip(const struct envelope *envelope)
{
	struct envelope back;
	struct buffer out;
	int result;

	buffer_init(&out, 1000000);
	ck_assert_int_eq(envelope_encode(envelope, &out), 0);
	result = envelope_decode(buffer_slice(&out), &back);
	if (result == 0)
		envelope_free(&back);
	else
		ck_assert_ptr_null(back.recipients);
	buffer_free(&out);
	return result;
}

START_TEST(an_envelope_comes_back_as_it_was)
{
	const struct envelope envelope = sample();
	struct envelope back;
	struct buffer out;

	buffer_init(&out, 1000);
	ck_assert_int_eq(envelope_encode(&envelope, &out), 0);
	ck_assert_int_eq(envelope_decode(buffer_slice(&out), &back), 0);
	ck_assert_slice(back.sender, "s@example.org");
	ck_assert_slice(back.envid, "id 1");
	ck_assert_slice(back.client, "192.0.2.1");
	ck_assert_slice(back.session, "1AB2");
	ck_assert_uint_eq(back.flags, ENVELOPE_8BITMIME | ENVELOPE_RET_HDRS);
	ck_assert_uint_eq(back.recipient_count, 2);
	ck_assert_slice(back.recipients[0].address, "a@example.org");
	ck_assert_slice(back.recipients[0].orcpt, "rfc822;A@example.org");
	ck_assert_uint_eq(back.recipients[0].notify, ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY);
	ck_assert_slice(back.recipients[1].address, "b@example.net");
	ck_assert_slice(back.recipients[1].orcpt, "");
	envelope_free(&back);
	ck_assert_ptr_null(back.recipients);
	buffer_free(&out);
}
END_TEST

START_TEST(the_null_reverse_path_is_an_envelope_like_others)
{
	struct envelope envelope = sample();

	envelope.sender = SLICE("");
	ck_assert_int_eq(round_trip(&envelope), 0);
}
END_TEST

START_TEST(an_encoding_that_is_cut_anywhere_or_goes_on_is_refused)
{
	const struct envelope envelope = sample();
	struct envelope back;
	struct buffer out;

	buffer_init(&out, 1000);
	ck_assert_int_eq(envelope_encode(&envelope, &out), 0);
	for (size_t length = 0; length < buffer_length(&out); length++)
		ck_assert_int_eq(envelope_decode(slice_first(buffer_slice(&out), length), &back), -EINVAL);
	ck_assert_int_eq(buffer_append(&out, "x", 1), 0);
	ck_assert_int_eq(envelope_decode(buffer_slice(&out), &back), -EINVAL);
	buffer_free(&out);
}
END_TEST

START_TEST(no_recipients_and_empty_recipients_are_refused)
{
	struct envelope envelope = sample();
	struct envelope_recipient nobody = { 0 };

	envelope.recipient_count = 0;
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	envelope.recipients = &nobody;
	envelope.recipient_count = 1;
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
}
END_TEST

START_TEST(a_count_without_the_bytes_for_it_allocates_nothing)
{
	struct buffer out;
	struct envelope back;
	struct wire_writer writer;

	buffer_init(&out, 1000);
	writer = wire_begin_bare(&out);
	wire_put_u8(&writer, 1);
	wire_put_u8(&writer, 0);
	for (int i = 0; i < 4; i++)
		wire_put_string(&writer, "");
	wire_put_u32(&writer, UINT32_MAX);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	ck_assert_int_eq(envelope_decode(buffer_slice(&out), &back), -EINVAL);
	buffer_free(&out);
}
END_TEST

START_TEST(texts_over_their_limits_are_refused)
{
	static char text[ENVELOPE_ORCPT_MAX + 1];
	struct envelope_recipient recipient = { SLICE("a@example.org"), SLICE(""), 0 };
	struct envelope envelope = sample();

	memset(text, 'x', sizeof(text));
	envelope.recipients = &recipient;
	envelope.recipient_count = 1;
	recipient.orcpt = slice_of(text, ENVELOPE_ORCPT_MAX);
	ck_assert_int_eq(round_trip(&envelope), 0);
	recipient.orcpt = slice_of(text, ENVELOPE_ORCPT_MAX + 1);
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	recipient.orcpt = SLICE("");
	recipient.address = slice_of(text, ENVELOPE_ADDRESS_MAX + 1);
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	recipient.address = slice_of(text, ENVELOPE_ADDRESS_MAX);
	envelope.sender = slice_of(text, ENVELOPE_ADDRESS_MAX + 1);
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	envelope.sender = slice_of(text, ENVELOPE_ADDRESS_MAX);
	envelope.envid = slice_of(text, ENVELOPE_ENVID_MAX + 1);
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	envelope.envid = slice_of(text, ENVELOPE_ENVID_MAX);
	envelope.client = slice_of(text, ENVELOPE_CLIENT_MAX + 1);
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	envelope.client = SLICE("local");
	envelope.session = slice_of(text, ENVELOPE_SESSION_MAX + 1);
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
}
END_TEST

START_TEST(control_bytes_are_refused_in_every_text)
{
	struct envelope_recipient recipient = { SLICE("a@example.org"), SLICE(""), 0 };
	struct envelope envelope = sample();

	envelope.recipients = &recipient;
	envelope.recipient_count = 1;
	recipient.address = SLICE("a\r\nb@example.org");
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	recipient.address = SLICE("a@example.org");
	recipient.orcpt = SLICE("rfc822;a\nb");
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	recipient.orcpt = SLICE("");
	envelope.sender = SLICE("s\0@example.org");
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	envelope.sender = SLICE("jos\xc3\xa9@example.org");
	ck_assert_int_eq(round_trip(&envelope), 0);
}
END_TEST

START_TEST(flags_and_notify_that_rfc_3461_does_not_know_are_refused)
{
	struct envelope_recipient recipient = { SLICE("a@example.org"), SLICE(""), ENVELOPE_NOTIFY_NEVER };
	struct envelope envelope = sample();

	envelope.recipients = &recipient;
	envelope.recipient_count = 1;
	ck_assert_int_eq(round_trip(&envelope), 0);
	recipient.notify = ENVELOPE_NOTIFY_NEVER | ENVELOPE_NOTIFY_FAILURE;
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	recipient.notify = 16;
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	recipient.notify = 0;
	envelope.flags = ENVELOPE_RET_FULL | ENVELOPE_RET_HDRS;
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
	envelope.flags = 128;
	ck_assert_int_eq(round_trip(&envelope), -EINVAL);
}
END_TEST

START_TEST(another_version_is_refused)
{
	const struct envelope envelope = sample();
	struct envelope back;
	struct buffer out;

	buffer_init(&out, 1000);
	ck_assert_int_eq(envelope_encode(&envelope, &out), 0);
	out.data[out.start] = 2;
	ck_assert_int_eq(envelope_decode(buffer_slice(&out), &back), -EINVAL);
	buffer_free(&out);
}
END_TEST

START_TEST(encoding_into_a_full_buffer_leaves_it_as_it_was)
{
	const struct envelope envelope = sample();
	struct buffer out;

	buffer_init(&out, 50);
	ck_assert_int_eq(buffer_append_string(&out, "before"), 0);
	ck_assert_int_eq(envelope_encode(&envelope, &out), -ENOBUFS);
	ck_assert_slice(buffer_slice(&out), "before");
	buffer_free(&out);
}
END_TEST

UNIT_MAIN("envelope", an_envelope_comes_back_as_it_was, the_null_reverse_path_is_an_envelope_like_others,
          an_encoding_that_is_cut_anywhere_or_goes_on_is_refused, no_recipients_and_empty_recipients_are_refused,
          a_count_without_the_bytes_for_it_allocates_nothing, texts_over_their_limits_are_refused,
          control_bytes_are_refused_in_every_text, flags_and_notify_that_rfc_3461_does_not_know_are_refused,
          another_version_is_refused, encoding_into_a_full_buffer_leaves_it_as_it_was)
