/*
 * What the header section of an entity says about its structure: Content-Type and Content-Transfer-Encoding
 * (RFC 2045 5, 6).
 */
#ifndef ANGARIUM_MAIL_MIME_HEADER_H
#define ANGARIUM_MAIL_MIME_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"
#include "common/mail/header.h"

enum {
	MIME_BOUNDARY_MAX = 70, /* bytes (RFC 2046 5.1.1) */
};

enum mime_kind {
	MIME_LEAF,      /* content without a structure of its own */
	MIME_OPAQUE,    /* its structure is unknown, or must be kept: never to be encoded */
	MIME_MESSAGE,   /* message/rfc822, message/global: the body is a message */
	MIME_MULTIPART, /* with a boundary */
};

enum mime_encoding {
	MIME_7BIT,     /* or no field */
	MIME_8BIT,
	MIME_BINARY,
	MIME_ENCODED,  /* anything else; also several fields, or a malformed one */
};

struct mime_header {
	enum mime_kind kind;
	enum mime_encoding encoding;
	bool is_text;                       /* text, also without a field */
	bool has_type;                      /* there is a Content-Type */
	bool has_version;                   /* there is a MIME-Version */
	size_t fields_length;               /* bytes of the section up to its empty line */
	bool is_digest;                     /* multipart/digest: its parts are messages unless they say otherwise */
	bool is_signed;                     /* multipart/signed: its parts must stay as they are */
	struct header_field encoding_field; /* into the header section; empty without one */
	size_t boundary_length;
	char boundary[MIME_BOUNDARY_MAX];
};

/*
 * Reads HEADER, with or without the empty line at its end. IN_DIGEST: the entity is a part of a multipart/digest.
 * 0, or -EBADMSG when a line is no field.
 */
int mime_header_read(struct slice header, bool in_digest, struct mime_header *header_r);

#endif
