/*
 * SCRAM's messages (RFC 5802 7), taken apart and made.
 */
#include "common/mail/scram.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/base64.h"
#include "common/base/utf8.h"

enum { NONCE_BYTES = 18 }; /* of randomness in our nonce */

/* Takes "K=value," or, at the end, "K=value" off *rest. False when another attribute is there, or none. */
static bool
scram_take(struct slice *rest, char key, struct slice *value_r)
{
	size_t end = slice_find(*rest, ',');

	if (end < 2 || rest->data[0] != key || rest->data[1] != '=')
		return false;
	*value_r = slice_from(slice_first(*rest, end), 2);
	*rest = slice_from(*rest, end + 1);
	return true;
}

/* saslname: "=2C" is "," and "=3D" is "="; no other "=" may be there. */
static int
scram_decode_name(struct slice text, char *out, size_t size, size_t *length_r)
{
	size_t length = 0;

	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		struct slice escape = slice_first(slice_from(text, i), 3);

		if (c == '\0' || length == size)
			return -EINVAL;
		if (c == '=') {
			if (!slice_equal(escape, SLICE("=2C")) && !slice_equal(escape, SLICE("=3D")))
				return -EINVAL;
			c = escape.data[1] == '2' ? ',' : '=';
			i += 2;
		}
		out[length++] = c;
	}
	*length_r = length;
	return length > 0 && utf8_valid(slice_of(out, length)) ? 0 : -EINVAL;
}

/* printable = %x21-2B / %x2D-7E */
static bool
scram_is_nonce(struct slice nonce)
{
	for (size_t i = 0; i < nonce.length; i++)
		if (nonce.data[i] <= ' ' || nonce.data[i] > '~' || nonce.data[i] == ',')
			return false;
	return nonce.length > 0;
}

/* What the client must be bound to, by the first field of its message; an empty slice: to nothing. */
static int
scram_binding(struct slice flag, bool plus, const struct scram_channel *channel, struct slice *binding_r)
{
	bool offered = channel->exporter.length > 0 || channel->end_point.length > 0;

	*binding_r = SLICE("");
	if (slice_equal(flag, SLICE("n")))
		return plus ? -EACCES : 0;
	/* "y": the client would have bound itself, but believes that we cannot. */
	if (slice_equal(flag, SLICE("y")))
		return plus || offered ? -EACCES : 0;
	if (slice_equal(flag, SLICE("p=tls-exporter")))
		*binding_r = channel->exporter;
	else if (slice_equal(flag, SLICE("p=tls-server-end-point")))
		*binding_r = channel->end_point;
	else if (flag.length < 3 || flag.data[0] != 'p' || flag.data[1] != '=')
		return -EINVAL;
	return plus && binding_r->length > 0 ? 0 : -EACCES;
}

/* gs2-header: channel binding, and for whom the client wants to act: nobody but itself. */
static int
scram_begin_header(struct scram *scram, struct slice *rest, bool plus, const struct scram_channel *channel,
                   struct slice *authzid_r)
{
	unsigned char bound[SCRAM_HEADER_MAX + SCRAM_BINDING_MAX];
	struct slice message = *rest, binding;
	size_t comma = slice_find(*rest, ',');
	size_t length;
	int error = scram_binding(slice_first(*rest, comma), plus, channel, &binding);

	if (error != 0)
		return error;
	*authzid_r = SLICE("");
	*rest = slice_from(*rest, comma + 1);
	if (rest->length > 0 && rest->data[0] == ',')
		*rest = slice_from(*rest, 1);
	else if (!scram_take(rest, 'a', authzid_r) || authzid_r->length == 0)
		return -EINVAL;
	length = message.length - rest->length;
	if (length > SCRAM_HEADER_MAX || binding.length > SCRAM_BINDING_MAX)
		return -EINVAL;
	memcpy(bound, message.data, length);
	if (binding.length > 0)
		memcpy(bound + length, binding.data, binding.length);
	_Static_assert(BASE64_SIZE(SCRAM_HEADER_MAX + SCRAM_BINDING_MAX) <= SCRAM_BOUND_SIZE, "SCRAM_BOUND_SIZE");
	base64_encode(bound, length + binding.length, scram->bound);
	return 0;
}

int
scram_begin(struct scram *scram, struct slice message, bool plus, const struct scram_channel *channel)
{
	struct slice rest = message, authzid, bare, user, nonce;
	int error;

	*scram = (struct scram){ .user_length = 0 };
	if (message.length == 0 || message.length > sizeof(scram->first))
		return -EINVAL;
	error = scram_begin_header(scram, &rest, plus, channel, &authzid);
	if (error != 0)
		return error;
	bare = rest;
	/* "m=", an extension that must be understood, comes first and is none of ours: refused as any other attribute would be. */
	if (!scram_take(&rest, 'n', &user) || !scram_take(&rest, 'r', &nonce) || !scram_is_nonce(nonce))
		return -EINVAL;
	if (authzid.length > 0 && !slice_equal(authzid, user))
		return -EACCES;
	memcpy(scram->first, bare.data, bare.length);
	scram->first_length = bare.length;
	scram->nonce_offset = (size_t)(nonce.data - bare.data);
	scram->nonce_length = nonce.length;
	return scram_decode_name(user, scram->user, sizeof(scram->user), &scram->user_length);
}

void
scram_nonce(char *out)
{
	unsigned char random[NONCE_BYTES];

	_Static_assert(BASE64_SIZE(NONCE_BYTES) == SCRAM_NONCE_SIZE, "SCRAM_NONCE_SIZE");
	arc4random_buf(random, sizeof(random));
	base64_encode(random, sizeof(random), out);
}

struct slice
scram_challenge(struct scram *scram, const char *nonce, struct slice salt, uint32_t iterations)
{
	char text[BASE64_SIZE(SCRAM_SALT_MAX)];
	int length;

	if (salt.length > SCRAM_SALT_MAX)
		return SLICE("");
	base64_encode(salt.data, salt.length, text);
	length = snprintf(scram->challenge, sizeof(scram->challenge), "r=%.*s%s,s=%s,i=%" PRIu32,
	                  (int)scram->nonce_length, scram->first + scram->nonce_offset, nonce, text, iterations);
	if (length < 0 || (size_t)length >= sizeof(scram->challenge))
		return SLICE("");
	return slice_of(scram->challenge, (size_t)length);
}

int
scram_finish(struct scram *scram, struct slice message)
{
	struct slice rest = message, bound, nonce, proof;
	struct slice expected = slice_from_string(scram->challenge);
	size_t length;

	if (message.length > sizeof(scram->final) || !scram_take(&rest, 'c', &bound) || !scram_take(&rest, 'r', &nonce))
		return -EINVAL;
	/* Extensions that need not be understood stand before the proof, which is the last. */
	length = slice_find_last(message, ',');
	rest = slice_from(message, length + 1);
	if (length == message.length || length + 1 < (size_t)(nonce.data + nonce.length - message.data) ||
	    !scram_take(&rest, 'p', &proof) || rest.length > 0)
		return -EINVAL;
	if (base64_decode(proof, scram->proof, sizeof(scram->proof), &scram->final_length) != 0 ||
	    scram->final_length != sizeof(scram->proof))
		return -EINVAL;
	memcpy(scram->final, message.data, length);
	scram->final_length = length;
	expected = slice_first(slice_from(expected, 2), slice_find(expected, ',') - 2);
	if (!slice_equal(nonce, expected) || !slice_equal(bound, slice_from_string(scram->bound)))
		return -EACCES;
	return 0;
}
