/*
 * common/base/base64.h, common/mail/sasl.h and scram.h.
 */
#include <errno.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/mail/sasl.h"
#include "common/mail/scram.h"
#include "t/unit/unit.h"

/* ---- base64 ---- */

START_TEST(base64_gives_the_vectors_of_its_rfc_both_ways)
{
	/* RFC 4648 10 */
	static const char *const vectors[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char text[16], bytes[16];
		size_t length;

		ck_assert_uint_eq(base64_encode(vectors[i][0], strlen(vectors[i][0]), text), strlen(vectors[i][1]));
		ck_assert_str_eq(text, vectors[i][1]);
		ck_assert_int_eq(base64_decode(slice_from_string(text), bytes, strlen(vectors[i][0]), &length), 0);
		ck_assert(slice_equal(slice_of(bytes, length), slice_from_string(vectors[i][0])));
	}
}
END_TEST

START_TEST(what_is_not_exactly_base64_is_refused)
{
	static const char *const wrong[] = { "Z", "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm-_", " Zg=", "Zg=a" };
	char bytes[16];
	size_t length;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(base64_decode(slice_from_string(wrong[i]), bytes, sizeof(bytes), &length), -EINVAL);
	ck_assert_int_eq(base64_decode(SLICE("Zm9v\0mFy"), bytes, sizeof(bytes), &length), -EINVAL);
	ck_assert_int_eq(base64_decode(SLICE("Zm9vYg=="), bytes, 3, &length), -EMSGSIZE);
}
END_TEST

/* ---- mechanisms ---- */

START_TEST(plaintext_mechanisms_and_channel_binding_are_offered_on_their_terms_only)
{
	char names[SASL_NAMES_SIZE];

	sasl_names(&(struct sasl_terms){ .plaintext = true, .binding = true }, names);
	ck_assert_str_eq(names, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
	sasl_names(&(struct sasl_terms){ .plaintext = false }, names);
	ck_assert_str_eq(names, "SCRAM-SHA-256");
	ck_assert_int_eq(sasl_find(SLICE("scram-sha-256-plus")), SASL_SCRAM_SHA_256_PLUS);
	ck_assert_int_eq(sasl_find(SLICE("CRAM-MD5")), SASL_NONE);
	ck_assert_int_eq(sasl_find(SLICE("")), SASL_NONE);
}
END_TEST

START_TEST(a_plain_message_has_two_nuls_a_login_and_a_password)
{
	struct slice login, password;

	ck_assert(sasl_plain(SLICE("\0tim\0tanstaaftanstaaf"), &login, &password));
	ck_assert_slice(login, "tim");
	ck_assert_slice(password, "tanstaaftanstaaf");
	ck_assert(sasl_plain(SLICE("tim\0TIM\0x"), &login, &password));
	ck_assert(!sasl_plain(SLICE("Ursel\0Kurt\0xipj3plmq"), &login, &password));
	ck_assert(!sasl_plain(SLICE("\0tim"), &login, &password));
	ck_assert(!sasl_plain(SLICE("\0tim\0"), &login, &password));
	ck_assert(!sasl_plain(SLICE("\0\0x"), &login, &password));
	ck_assert(!sasl_plain(SLICE("\0tim\0x\0y"), &login, &password));
	ck_assert(!sasl_plain(SLICE("\0tim\0\377"), &login, &password));
	ck_assert(!sasl_plain(SLICE(""), &login, &password));
}
END_TEST

/* ---- SCRAM ---- */

#define NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define FINAL "c=biws,r=rOprNGfwEbeRWgbNEkqO" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static const struct scram_channel no_channel;
static struct scram scram;

static void
make_keys(struct scram_keys *keys)
{
	char salt[32];
	size_t length;

	ck_assert_int_eq(base64_decode(SLICE("W22ZaJ0SNY7soEsUEjb6gQ=="), salt, sizeof(salt), &length), 0);
	ck_assert_int_eq(scram_derive(SLICE("pencil"), slice_of(salt, length), 4096, keys), 0);
}

static struct slice
challenge(void)
{
	char salt[32];
	size_t length;

	ck_assert_int_eq(base64_decode(SLICE("W22ZaJ0SNY7soEsUEjb6gQ=="), salt, sizeof(salt), &length), 0);
	return scram_challenge(&scram, NONCE, slice_of(salt, length), 4096);
}

START_TEST(scram_goes_as_in_its_rfc)
{
	/* RFC 7677 3 */
	char signature[SCRAM_SERVER_FINAL_SIZE];
	struct scram_keys keys;

	make_keys(&keys);
	ck_assert_int_eq(scram_begin(&scram, SLICE(FIRST), false, &no_channel), 0);
	ck_assert_slice(scram_user(&scram), "user");
	ck_assert_slice(challenge(), "r=rOprNGfwEbeRWgbNEkqO" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	ck_assert_int_eq(scram_finish(&scram, SLICE(FINAL)), 0);
	ck_assert(scram_proves(&scram, &keys));
	scram_signature(&scram, &keys, signature);
	ck_assert_str_eq(signature, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	keys.stored[0] ^= 1;
	ck_assert(!scram_proves(&scram, &keys));
}
END_TEST

START_TEST(a_final_message_for_another_nonce_or_channel_is_refused)
{
	ck_assert_int_eq(scram_begin(&scram, SLICE(FIRST), false, &no_channel), 0);
	challenge();
	ck_assert_int_eq(scram_finish(&scram, SLICE("c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")), -EACCES);
	ck_assert_int_eq(scram_finish(&scram, SLICE("c=eSws,r=rOprNGfwEbeRWgbNEkqO" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")), -EACCES);
}
END_TEST

START_TEST(malformed_scram_messages_are_refused)
{
	static const char *const first[] = {
		"", "n", "n,", "n,,", "n,,n=user", "n,,n=,r=x", "n,,r=x,n=user", "n,,m=x,n=user,r=x", "n,,n=us=er,r=x", "n,,n=user,r=", "n,,n=user,r=\1",
		"x,,n=user,r=x", "n,a=,n=user,r=x", "n,b=x,n=user,r=x", "p=,,n=user,r=x", "n,,n=\377,r=x", "n,,n=us=2cer,r=x",
	};
	static const char *const final[] = {
		"", "c=biws", "c=biws,r=x", "r=x,c=biws,p=x", "c=biws,r=rOprNGfwEbeRWgbNEkqO" NONCE ",p=AAAA",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=y",
	};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		ck_assert_msg(scram_begin(&scram, slice_from_string(first[i]), false, &no_channel) == -EINVAL, "%s", first[i]);
	ck_assert_int_eq(scram_begin(&scram, SLICE(FIRST), false, &no_channel), 0);
	challenge();
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++)
		ck_assert_msg(scram_finish(&scram, slice_from_string(final[i])) == -EINVAL, "%s", final[i]);
}
END_TEST

START_TEST(names_are_unescaped_and_nobody_acts_for_another)
{
	ck_assert_int_eq(scram_begin(&scram, SLICE("n,,n=a=2Cb=3Dc,r=x"), false, &no_channel), 0);
	ck_assert_slice(scram_user(&scram), "a,b=c");
	ck_assert_int_eq(scram_begin(&scram, SLICE("n,a=user,n=user,r=x"), false, &no_channel), 0);
	ck_assert_int_eq(scram_begin(&scram, SLICE("n,a=admin,n=user,r=x"), false, &no_channel), -EACCES);
}
END_TEST

START_TEST(channel_binding_is_the_one_that_the_client_names_and_cannot_be_talked_away)
{
	const struct scram_channel tls = { .exporter = SLICE("\1\2\3"), .end_point = SLICE("\4\5\6") };
	const struct scram_channel old = { .end_point = SLICE("\4\5\6") };

	ck_assert_int_eq(scram_begin(&scram, SLICE("p=tls-exporter,,n=user,r=x"), true, &tls), 0);
	ck_assert_str_eq(scram.bound, "cD10bHMtZXhwb3J0ZXIsLAECAw==");
	ck_assert_int_eq(scram_begin(&scram, SLICE("p=tls-server-end-point,,n=user,r=x"), true, &old), 0);
	ck_assert_int_eq(scram_begin(&scram, SLICE("p=tls-exporter,,n=user,r=x"), true, &old), -EACCES);
	ck_assert_int_eq(scram_begin(&scram, SLICE("p=tls-unique,,n=user,r=x"), true, &tls), -EACCES);
	ck_assert_int_eq(scram_begin(&scram, SLICE("p=tls-exporter,,n=user,r=x"), false, &tls), -EACCES);
	ck_assert_int_eq(scram_begin(&scram, SLICE("n,,n=user,r=x"), true, &tls), -EACCES);
	ck_assert_int_eq(scram_begin(&scram, SLICE("n,,n=user,r=x"), false, &tls), 0);
	ck_assert_int_eq(scram_begin(&scram, SLICE("y,,n=user,r=x"), false, &tls), -EACCES);
	ck_assert_int_eq(scram_begin(&scram, SLICE("y,,n=user,r=x"), false, &no_channel), 0);
}
END_TEST

START_TEST(keys_are_not_made_with_too_little_or_too_much_work)
{
	struct scram_keys keys;

	ck_assert_int_eq(scram_derive(SLICE("x"), SLICE(""), 4096, &keys), -EINVAL);
	ck_assert_int_eq(scram_derive(SLICE("x"), SLICE("salt"), 4095, &keys), -EINVAL);
	ck_assert_int_eq(scram_derive(SLICE("x"), SLICE("salt"), SCRAM_ITERATIONS_MAX + 1, &keys), -EINVAL);
}
END_TEST

UNIT_MAIN("sasl", base64_gives_the_vectors_of_its_rfc_both_ways, what_is_not_exactly_base64_is_refused,
          plaintext_mechanisms_and_channel_binding_are_offered_on_their_terms_only, a_plain_message_has_two_nuls_a_login_and_a_password,
          scram_goes_as_in_its_rfc, a_final_message_for_another_nonce_or_channel_is_refused, malformed_scram_messages_are_refused,
          names_are_unescaped_and_nobody_acts_for_another, channel_binding_is_the_one_that_the_client_names_and_cannot_be_talked_away,
          keys_are_not_made_with_too_little_or_too_much_work)
