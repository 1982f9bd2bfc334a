/*
 * Converts a message of any bytes (BODY=BINARYMIME, RFC 3030) into one that is made of lines, as Maildir files,
 * POP3 and servers without BINARYMIME need it: each part with "Content-Transfer-Encoding: binary" is encoded in
 * base64 (RFC 2045 6.8), and the field changed to say so. A multipart or message that is labelled binary becomes
 * 8bit. All other bytes stay as they are.
 *
 * Nothing is guessed. A message cannot be converted (-EBADMSG) when
 *   - a bare CR, a bare LF or a NUL is outside of a part labelled binary;
 *   - a binary part may not be encoded: in multipart/signed (RFC 1847 2.1), message/partial, message/external-body
 *     (RFC 2046 5.2.2, 5.2.3), or a multipart whose boundary cannot be told;
 *   - its structure can be read in more than one way: a line in a header section that is no field, a line that
 *     only begins like a delimiter (RFC 2046 5.1.1), two open multiparts with the same boundary;
 *   - it is nested deeper than MIME_LEVELS_MAX, or has a header section over MIME_HEADER_MAX.
 *
 * Incremental and pure: input may be cut anywhere. Memory is bounded by MIME_HEADER_MAX and a few KiB.
 */
#ifndef ANGARIUM_MAIL_MIME_H
#define ANGARIUM_MAIL_MIME_H

#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

enum {
	MIME_HEADER_MAX = 128 * 1024, /* bytes of a header section */
};

/* The most bytes of output that LENGTH bytes of input can cause, with what was held back before them. */
#define MIME_OUTPUT_MAX(length) (MIME_HEADER_MAX + 1024 + (length) / 2 * 3)

struct mime;

/* NULL when out of memory. */
struct mime *mime_new(void);
/* Sets *mime to NULL. */
void mime_free(struct mime **mime);

/*
 * Converts the next PIECE of the message and appends to OUT what is ready. 0, -EBADMSG when the message cannot be
 * converted, or -ENOBUFS or -ENOMEM of OUT. After an error each further call returns it.
 */
int mime_convert(struct mime *mime, struct slice piece, struct buffer *out);
/* The message has ended: appends the rest. The last line may be without its end, as in the message. As above. */
int mime_finish(struct mime *mime, struct buffer *out);
/* After -EBADMSG: why, in a few words for the log. Always valid. */
const char *mime_problem(const struct mime *mime);

#endif
