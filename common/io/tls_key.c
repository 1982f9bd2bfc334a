/*
 * A provider of OpenSSL 3 (provider(7)) for keys of which only the public part is here. It has key management for "EC" and "RSA", which
 * leaves everything to OpenSSL's own keys, and the signatures that belong to them, which hash here and let the signer sign.
 *
 * How it comes to be used: libssl asks for the signature algorithm and gets the standard one first; but that one cannot have the private
 * part, since these keys do not export it; so libssl takes the signature of the provider that the key is from.
 */
#include "common/io/tls_key.h"

#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define PROVIDER_NAME "angarium"
#define PROPERTIES "provider=" PROVIDER_NAME
/* A table of functions, as OpenSSL wants them: each cast from its own type. */
#define FUNCTION(id, function) { (id), (void (*)(void))(function) }

struct remote_key {
	EVP_PKEY *public;
	unsigned char id[TLS_KEY_ID_SIZE];
};

struct signing {
	const struct remote_key *key; /* OpenSSL keeps it as long as this */
	EVP_MD_CTX *digest;
	bool pss;
};

static const struct tls_signer *signer;

/* Casts lose the types, so that they are checked here. */
static OSSL_FUNC_keymgmt_new_fn key_new;
static OSSL_FUNC_keymgmt_free_fn key_free;
static OSSL_FUNC_keymgmt_has_fn key_has;
static OSSL_FUNC_keymgmt_match_fn key_match;
static OSSL_FUNC_keymgmt_import_fn key_import_ec, key_import_rsa;
static OSSL_FUNC_keymgmt_import_types_fn key_import_types;
static OSSL_FUNC_keymgmt_get_params_fn key_get_parameters;
static OSSL_FUNC_keymgmt_gettable_params_fn key_gettable_parameters;
static OSSL_FUNC_keymgmt_query_operation_name_fn key_signature_ec, key_signature_rsa;
static OSSL_FUNC_signature_newctx_fn signing_new;
static OSSL_FUNC_signature_freectx_fn signing_free;
static OSSL_FUNC_signature_digest_sign_init_fn signing_begin;
static OSSL_FUNC_signature_digest_sign_update_fn signing_update;
static OSSL_FUNC_signature_digest_sign_final_fn signing_end;
static OSSL_FUNC_signature_digest_sign_fn signing_whole;
static OSSL_FUNC_signature_set_ctx_params_fn signing_set_parameters;
static OSSL_FUNC_signature_settable_ctx_params_fn signing_settable_parameters;
static OSSL_FUNC_provider_query_operation_fn provider_query;
static OSSL_provider_init_fn provider_begin;

/* ---- keys ---- */

static void *
key_new(void *provider)
{
	(void)provider;
	return calloc(1, sizeof(struct remote_key));
}

static void
key_free(void *data)
{
	struct remote_key *key = data;

	if (key == NULL)
		return;
	EVP_PKEY_free(key->public);
	free(key);
}

static int
key_has(const void *data, int selection)
{
	const struct remote_key *key = data;

	(void)selection; /* the private part too, in a way */
	return key != NULL && key->public != NULL;
}

static int
key_match(const void *one, const void *two, int selection)
{
	const struct remote_key *a = one;
	const struct remote_key *b = two;

	(void)selection;
	return a->public != NULL && b->public != NULL && EVP_PKEY_eq(a->public, b->public) == 1;
}

static int
key_import(struct remote_key *key, const char *type, const OSSL_PARAM *parameters)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, "provider=default");
	int done;

	done = context != NULL && key->public == NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	       EVP_PKEY_fromdata(context, &key->public, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)parameters) == 1 &&
	       tls_key_id(key->public, key->id) == 0;
	EVP_PKEY_CTX_free(context);
	return done;
}

static int
key_import_ec(void *key, int selection, const OSSL_PARAM *parameters)
{
	(void)selection;
	return key_import(key, "EC", parameters);
}

static int
key_import_rsa(void *key, int selection, const OSSL_PARAM *parameters)
{
	(void)selection;
	return key_import(key, "RSA", parameters);
}

static const OSSL_PARAM *
key_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

static int
key_get_parameters(void *data, OSSL_PARAM parameters[])
{
	const struct remote_key *key = data;

	return key->public != NULL && EVP_PKEY_get_params(key->public, parameters);
}

static const OSSL_PARAM *
key_gettable_parameters(void *provider)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return gettable;
}

static const char *
key_signature_ec(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *
key_signature_rsa(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

#define KEY_FUNCTIONS(import, signature)                                       \
	{                                                                      \
		FUNCTION(OSSL_FUNC_KEYMGMT_NEW, key_new),                      \
		FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free),                    \
		FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has),                      \
		FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match),                  \
		FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, import),                    \
		FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),    \
		FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_parameters),    \
		FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_parameters), \
		FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, signature),   \
		{ 0, NULL }                                                    \
	}

static const OSSL_DISPATCH ec_functions[] = KEY_FUNCTIONS(key_import_ec, key_signature_ec);
static const OSSL_DISPATCH rsa_functions[] = KEY_FUNCTIONS(key_import_rsa, key_signature_rsa);

static const OSSL_ALGORITHM key_algorithms[] = {
	{ "EC:id-ecPublicKey", PROPERTIES, ec_functions, NULL },
	{ "RSA:rsaEncryption", PROPERTIES, rsa_functions, NULL },
	{ NULL, NULL, NULL, NULL },
};

/* ---- signatures ---- */

static void *
signing_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return calloc(1, sizeof(struct signing));
}

static void
signing_free(void *data)
{
	struct signing *signing = data;

	if (signing == NULL)
		return;
	EVP_MD_CTX_free(signing->digest);
	free(signing);
}

static int
signing_set_parameters(void *data, const OSSL_PARAM parameters[])
{
	struct signing *signing = data;
	const OSSL_PARAM *padding = parameters == NULL ? NULL : OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE);
	const char *name;
	int number;

	/* The salt's length is not asked: libssl wants that of the digest, and the signer makes no other. */
	if (padding == NULL)
		return 1;
	if (padding->data_type == OSSL_PARAM_INTEGER && OSSL_PARAM_get_int(padding, &number) == 1)
		signing->pss = number == RSA_PKCS1_PSS_PADDING;
	else if (OSSL_PARAM_get_utf8_string_ptr(padding, &name) == 1)
		signing->pss = strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	else
		return 0;
	return 1;
}

static const OSSL_PARAM *
signing_settable_parameters(void *data, void *provider)
{
	static const OSSL_PARAM settable[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)data;
	(void)provider;
	return settable;
}

static int
signing_begin(void *data, const char *digest, void *key, const OSSL_PARAM parameters[])
{
	struct signing *signing = data;
	const EVP_MD *method = digest == NULL ? NULL : EVP_get_digestbyname(digest);

	if (key == NULL || method == NULL)
		return 0;
	signing->key = key;
	if (signing->digest == NULL)
		signing->digest = EVP_MD_CTX_new();
	if (signing->digest == NULL || EVP_DigestInit_ex(signing->digest, method, NULL) != 1)
		return 0;
	return signing_set_parameters(signing, parameters);
}

static int
signing_update(void *data, const unsigned char *bytes, size_t length)
{
	struct signing *signing = data;

	return signing->digest != NULL && EVP_DigestUpdate(signing->digest, bytes, length) == 1;
}

static int
signing_ask(const struct signing *signing, struct slice digest, unsigned char *out, size_t *length_r, size_t size)
{
	unsigned char signature[TLS_SIGNATURE_MAX];
	enum tls_signature kind = TLS_SIGN_ECDSA;

	if (EVP_PKEY_is_a(signing->key->public, "RSA"))
		kind = signing->pss ? TLS_SIGN_RSA_PSS : TLS_SIGN_RSA_PKCS1;
	if (signer == NULL || signer->sign(signer->context, signing->key->id, kind, digest, signature, length_r) != 0 ||
	    *length_r > size)
		return 0;
	memcpy(out, signature, *length_r);
	return 1;
}

static int
signing_end(void *data, unsigned char *out, size_t *length_r, size_t size)
{
	struct signing *signing = data;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length;
	int most;

	if (signing->key == NULL || signing->digest == NULL)
		return 0;
	most = EVP_PKEY_get_size(signing->key->public);
	if (most <= 0)
		return 0;
	if (out == NULL) {
		*length_r = (size_t)most;
		return 1;
	}
	if (EVP_DigestFinal_ex(signing->digest, digest, &length) != 1)
		return 0;
	return signing_ask(signing, slice_of(digest, length), out, length_r, size);
}

static int
signing_whole(void *data, unsigned char *out, size_t *length_r, size_t size, const unsigned char *bytes, size_t length)
{
	if (out != NULL && !signing_update(data, bytes, length))
		return 0;
	return signing_end(data, out, length_r, size);
}

static const OSSL_DISPATCH signing_functions[] = {
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
	FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_begin),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, signing_update),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, signing_end),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_whole),
	FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signing_set_parameters),
	FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable_parameters),
	{ 0, NULL },
};

static const OSSL_ALGORITHM signing_algorithms[] = {
	{ "ECDSA", PROPERTIES, signing_functions, NULL },
	{ "RSA:rsaEncryption", PROPERTIES, signing_functions, NULL },
	{ NULL, NULL, NULL, NULL },
};

/* ---- the provider ---- */

static const OSSL_ALGORITHM *
provider_query(void *provider, int operation, int *do_not_keep_r)
{
	(void)provider;
	*do_not_keep_r = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return key_algorithms;
	return operation == OSSL_OP_SIGNATURE ? signing_algorithms : NULL;
}

static int
provider_begin(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context_r)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
		{ 0, NULL },
	};

	(void)in;
	*out = functions;
	*context_r = (void *)(uintptr_t)handle;
	return 1;
}

int
tls_key_prepare(void)
{
	static OSSL_PROVIDER *standard, *own; /* for as long as the process lives */

	if (standard != NULL && own != NULL)
		return 0;
	/*
	 * The standard provider is loaded in so many words, because another one that is loaded keeps it from being so by itself, and is
	 * preferred wherever both could do the same.
	 */
	standard = OSSL_PROVIDER_load(NULL, "default");
	if (standard == NULL || EVP_set_default_properties(NULL, "?provider=default") != 1 ||
	    OSSL_PROVIDER_add_builtin(NULL, PROVIDER_NAME, provider_begin) != 1)
		return -ENOMEM;
	own = OSSL_PROVIDER_load(NULL, PROVIDER_NAME);
	return own == NULL ? -ENOMEM : 0;
}

void
tls_key_set_signer(const struct tls_signer *new_signer)
{
	signer = new_signer;
}

bool
tls_key_ready(void)
{
	return signer != NULL && signer->ready(signer->context);
}

EVP_PKEY *
tls_key_new(EVP_PKEY *public)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, EVP_PKEY_get0_type_name(public), PROPERTIES);
	OSSL_PARAM *parameters = NULL;
	EVP_PKEY *key = NULL;

	if (context != NULL && EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &parameters) == 1 &&
	    EVP_PKEY_fromdata_init(context) == 1)
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
	OSSL_PARAM_free(parameters);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* ---- the signer's work ---- */

static const EVP_MD *
digest_of_length(size_t length)
{
	return length == 32 ? EVP_sha256() : length == 48 ? EVP_sha384() : length == 64 ? EVP_sha512() : NULL;
}

static bool
set_padding(EVP_PKEY_CTX *context, enum tls_signature kind)
{
	if (kind == TLS_SIGN_RSA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
	if (kind == TLS_SIGN_RSA_PSS)
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
	return true;
}

int
tls_key_sign(EVP_PKEY *key, enum tls_signature kind, struct slice digest, unsigned char *signature, size_t *length_r)
{
	const EVP_MD *method = digest_of_length(digest.length);
	EVP_PKEY_CTX *context;
	bool done;

	if (method == NULL || kind < TLS_SIGN_ECDSA || kind > TLS_SIGN_RSA_PKCS1 ||
	    EVP_PKEY_is_a(key, "EC") != (kind == TLS_SIGN_ECDSA) || EVP_PKEY_get_size(key) > TLS_SIGNATURE_MAX)
		return -EINVAL;
	context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	*length_r = TLS_SIGNATURE_MAX;
	done = context != NULL && EVP_PKEY_sign_init(context) == 1 && set_padding(context, kind) &&
	       EVP_PKEY_CTX_set_signature_md(context, method) == 1 &&
	       EVP_PKEY_sign(context, signature, length_r, (const unsigned char *)digest.data, digest.length) == 1;
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return done ? 0 : -EINVAL;
}
