/*
 * Converts messages for those who do not take all bytes. Two conversions:
 *
 * To lines: a message of any bytes (BODY=BINARYMIME, RFC 3030) becomes one that is made of lines, as Maildir files,
 * POP3 and servers without BINARYMIME need it: each part with "Content-Transfer-Encoding: binary" is encoded in
 * base64 (RFC 2045 6.8), and the field changed to say so. A multipart or message that is labelled binary becomes
 * 8bit. All other bytes stay as they are.
 *
 * To 7bit: a message with bytes above 127 becomes one without (RFC 6152 3), for a server without 8BITMIME. Each part
 * that holds such bytes, whatever its label says, becomes quoted-printable when it is text, and base64 when it is
 * not; one that is labelled binary becomes base64 in any case. Other labels that say 8bit or binary become 7bit. Text
 * without a Content-Type gets "text/plain; charset=unknown-8bit" (RFC 1428), and a message without MIME-Version gets
 * that. All other bytes stay as they are. Since the label of a part stands before its content, the message is read
 * twice: scanned, and then converted. The scan tells whether it can be converted; after that the conversion does not
 * fail.
 *
 * Nothing is guessed. A message cannot be converted (-EBADMSG) when
 *   - a bare CR, a bare LF or a NUL is outside of a part labelled binary;
 *   - a part that would be encoded may not be: in multipart/signed (RFC 1847 2.1), message/partial,
 *     message/external-body (RFC 2046 5.2.2, 5.2.3), or a multipart whose boundary cannot be told; or it has an
 *     encoding already;
 *   - to 7bit: bytes above 127 are in a header section (RFC 6532), or between the parts of a multipart, where nothing
 *     can be encoded;
 *   - its structure can be read in more than one way: a line in a header section that is no field, a line that
 *     only begins like a delimiter (RFC 2046 5.1.1), two open multiparts with the same boundary;
 *   - it is nested deeper than MIME_LEVELS_MAX, or has a header section over MIME_HEADER_MAX; or, to 7bit, has more
 *     than MIME_ENTITIES_MAX of them.
 *
 * Incremental and pure: input may be cut anywhere. Memory is bounded by MIME_HEADER_MAX, MIME_ENTITIES_MAX and a few KiB.
 */
#ifndef ANGARIUM_MAIL_MIME_H
#define ANGARIUM_MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

enum {
	MIME_HEADER_MAX = 128 * 1024,  /* bytes of a header section */
	MIME_ENTITIES_MAX = 64 * 1024, /* header sections of a message that is converted to 7bit; a byte each */
};

/* The most bytes of output that LENGTH bytes of input can cause, with what was held back before them. */
#define MIME_OUTPUT_MAX(length) (MIME_HEADER_MAX + 1024 + (length) / 2 * 3)
/* The same, to 7bit. */
#define MIME_OUTPUT_7BIT_MAX(length) (MIME_HEADER_MAX + 1024 + (length) * 4)

struct mime;

/* True when no byte is above 127: a message of which that is true needs no conversion to 7bit. */
bool mime_is_7bit(struct slice bytes);

/* A conversion to lines. NULL when out of memory. */
struct mime *mime_new(void);
/* A conversion to 7bit: mime_scan and mime_scan_end come first. NULL when out of memory. */
struct mime *mime_new_7bit(void);
/* Sets *mime to NULL. */
void mime_free(struct mime **mime);

/*
 * Looks at the next PIECE of the message. 0, -EBADMSG when the message cannot be converted, or -ENOMEM. After an error
 * each further call returns it.
 */
int mime_scan(struct mime *mime, struct slice piece);
/* The message has ended, and comes again from its beginning: mime_convert. As above. */
int mime_scan_end(struct mime *mime);

/*
 * Converts the next PIECE of the message and appends to OUT what is ready. 0, -EBADMSG when the message cannot be
 * converted (after a scan: when it is another message), or -ENOBUFS or -ENOMEM of OUT. After an error each further
 * call returns it.
 */
int mime_convert(struct mime *mime, struct slice piece, struct buffer *out);
/* The message has ended: appends the rest. The last line may be without its end, as in the message. As above. */
int mime_finish(struct mime *mime, struct buffer *out);
/* After -EBADMSG: why, in a few words for the log. Always valid. */
const char *mime_problem(const struct mime *mime);

#endif
