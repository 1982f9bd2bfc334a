/*
 * TLS over one socket. OpenSSL's queue of errors is emptied before each call, as its functions ask for, and after a failure.
 */
#include "common/io/tls_stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/tls_binding.h"

enum { LENGTH_MAX = 1 << 30 }; /* bytes that are given to OpenSSL at once */

struct tls_stream {
	SSL *ssl;
	struct tls_context *context; /* of a server */
	const char *failure;
	bool more;
};

struct tls_stream *
tls_stream_new(struct tls_context *context, int fd)
{
	struct tls_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->context = tls_context_take(context);
	stream->ssl = SSL_new(tls_context_first(context));
	if (stream->ssl == NULL || SSL_set_fd(stream->ssl, fd) != 1) {
		tls_stream_free(&stream);
		return NULL;
	}
	SSL_set_accept_state(stream->ssl);
	return stream;
}

int
tls_stream_new_client(const struct tls_client_context *context, const struct tls_client_settings *settings, int fd,
                      struct tls_stream **stream_r)
{
	struct tls_stream *stream = calloc(1, sizeof(*stream));
	int error;

	if (stream == NULL)
		return -ENOMEM;
	error = tls_client_new(context, settings, &stream->ssl);
	if (error == 0 && SSL_set_fd(stream->ssl, fd) != 1)
		error = -ENOMEM;
	if (error != 0) {
		tls_stream_free(&stream);
		return error;
	}
	SSL_set_connect_state(stream->ssl);
	*stream_r = stream;
	return 0;
}

void
tls_stream_free(struct tls_stream **stream_p)
{
	struct tls_stream *stream = *stream_p;

	*stream_p = NULL;
	if (stream == NULL)
		return;
	SSL_free(stream->ssl);
	tls_context_free(&stream->context);
	free(stream);
}

/* Why the last call failed: what is wrong with the other's certificate, when it is that. */
static const char *
stream_failure(const struct tls_stream *stream)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		reason = X509_verify_cert_error_string(SSL_get_verify_result(stream->ssl));
	return reason == NULL ? "connection lost" : reason;
}

/* stream_error is going to say of the next call why it failed. */
static void
stream_forget_errors(void)
{
	ERR_clear_error();
	errno = 0;
}

/* What a call that returned RESULT, which is no success, means: 0 is the end. */
static int
stream_error(struct tls_stream *stream, int result)
{
	int error = errno;

	switch (SSL_get_error(stream->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		if (error == 0)
			break;
		stream->failure = strerrordesc_np(error);
		return -error;
	default:
		break;
	}
	stream->failure = stream_failure(stream);
	ERR_clear_error();
	return -EPROTO;
}

int
tls_stream_handshake(struct tls_stream *stream)
{
	int result;
	int error;

	stream_forget_errors();
	result = SSL_do_handshake(stream->ssl);
	if (result == 1) {
		stream->more = SSL_has_pending(stream->ssl) == 1;
		return 0;
	}
	error = stream_error(stream, result);
	if (error != 0)
		return error;
	stream->failure = "connection closed";
	return -EPROTO;
}

ssize_t
tls_stream_read(struct tls_stream *stream, void *out, size_t size)
{
	size_t total = 0;

	stream->more = false;
	stream_forget_errors();
	while (total < size) {
		size_t got = 0;
		int result = SSL_read_ex(stream->ssl, (char *)out + total, size - total, &got);
		int error;

		if (result == 1) {
			total += got;
			continue;
		}
		error = stream_error(stream, result);
		/* The end, or an error, comes again with the next call. */
		stream->more = total > 0 && error != -EAGAIN;
		return total > 0 ? (ssize_t)total : error;
	}
	stream->more = SSL_has_pending(stream->ssl) == 1;
	return (ssize_t)total;
}

ssize_t
tls_stream_write(struct tls_stream *stream, const void *data, size_t length)
{
	size_t sent = 0;
	int result;
	int error;

	stream_forget_errors();
	result = SSL_write_ex(stream->ssl, data, length > LENGTH_MAX ? LENGTH_MAX : length, &sent);
	if (result == 1)
		return (ssize_t)sent;
	error = stream_error(stream, result);
	return error == 0 ? -EPROTO : error;
}

void
tls_stream_close(struct tls_stream *stream)
{
	ERR_clear_error();
	if (stream->failure == NULL)
		SSL_shutdown(stream->ssl);
	ERR_clear_error();
}

bool
tls_stream_wants_write(const struct tls_stream *stream)
{
	return SSL_want_write(stream->ssl);
}

bool
tls_stream_more(const struct tls_stream *stream)
{
	return stream->more;
}

/* Handshakes that had to authenticate the other side are done only when they could. */
static enum tls_peer
stream_peer(SSL *ssl)
{
	if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
		return TLS_PEER_NONE;
	return SSL_get0_dane_authority(ssl, NULL, NULL) >= 0 ? TLS_PEER_DANE : TLS_PEER_AUTHORITY;
}

void
tls_stream_info(const struct tls_stream *stream, struct tls_info *info_r)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(stream->ssl);
	int group = (int)SSL_get_negotiated_group(stream->ssl);

	*info_r = (struct tls_info){
		.version = SSL_get_version(stream->ssl),
		.cipher = SSL_CIPHER_standard_name(cipher),
		.group = group == NID_undef ? NULL : SSL_group_to_name(stream->ssl, group),
		.bits = SSL_CIPHER_get_bits(cipher, NULL),
		.resumed = SSL_session_reused(stream->ssl) == 1,
		.peer = stream_peer(stream->ssl),
		.server_name = SSL_get_servername(stream->ssl, TLSEXT_NAMETYPE_host_name),
	};
}

void
tls_stream_binding(const struct tls_stream *stream, struct tls_binding *binding_r)
{
	tls_binding_read(stream->ssl, binding_r);
}

const char *
tls_stream_failure(const struct tls_stream *stream)
{
	return stream->failure;
}
