/*
 * Channel bindings: tls-exporter (RFC 9266) and tls-server-end-point (RFC 5929 4).
 *
 * A resumed session shows no certificate: its end point is the certificate that it began with, which may be of the other kind than the one that stands
 * in the context, or one from before a reload. So the end point travels in the session's ticket, which only we can read and write.
 */
#include "common/io/tls_binding.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

/* RFC 9266 4.2: under TLS 1.2 only a session with the extended master secret is its channel's alone. */
static size_t
exporter(SSL *ssl, unsigned char *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
		return 0;
	if (SSL_export_keying_material(ssl, out, TLS_EXPORTER_SIZE, label, sizeof(label) - 1, (const unsigned char *)"", 0, 1) != 1)
		return 0;
	return TLS_EXPORTER_SIZE;
}

/* RFC 5929 4.1: the server's certificate's digest, by the hash that its signature uses; SHA-256 instead of MD5 and SHA-1. */
static size_t
certificate_digest(X509 *certificate, unsigned char *out)
{
	unsigned length = TLS_END_POINT_MAX;
	int digest;

	if (certificate == NULL || X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) != 1 || digest == NID_undef)
		return 0;
	if (digest == NID_md5 || digest == NID_sha1)
		digest = NID_sha256;
	if (EVP_get_digestbynid(digest) == NULL || EVP_MD_get_size(EVP_get_digestbynid(digest)) > TLS_END_POINT_MAX)
		return 0;
	return X509_digest(certificate, EVP_get_digestbynid(digest), out, &length) == 1 ? length : 0;
}

/* What the ticket of the session says. */
static size_t
kept_end_point(const SSL *ssl, unsigned char *out)
{
	void *kept;
	size_t length;

	if (SSL_SESSION_get0_ticket_appdata(SSL_get0_session(ssl), &kept, &length) != 1 || length > TLS_END_POINT_MAX)
		return 0;
	memcpy(out, kept, length);
	return length;
}

static size_t
end_point(SSL *ssl, unsigned char *out)
{
	if (!SSL_is_server(ssl))
		return certificate_digest(SSL_get0_peer_certificate(ssl), out);
	return SSL_session_reused(ssl) == 1 ? kept_end_point(ssl, out) : certificate_digest(SSL_get_certificate(ssl), out);
}

void
tls_binding_read(SSL *ssl, struct tls_binding *binding_r)
{
	ERR_clear_error();
	binding_r->exporter_length = exporter(ssl, binding_r->exporter);
	binding_r->end_point_length = end_point(ssl, binding_r->end_point);
	ERR_clear_error();
}

/* Before a ticket is made. A session that goes on has its end point from the ticket before. */
static int
on_ticket_made(SSL *ssl, void *argument)
{
	unsigned char out[TLS_END_POINT_MAX];
	size_t length;

	(void)argument;
	if (SSL_session_reused(ssl) == 1)
		return 1;
	length = end_point(ssl, out);
	return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), out, length);
}

void
tls_binding_keep(SSL_CTX *context)
{
	SSL_CTX_set_session_ticket_cb(context, on_ticket_made, NULL, NULL);
}
