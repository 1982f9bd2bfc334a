/*
 * Names from text: what a domain in an envelope is called in DNS.
 */
#include <errno.h>
#include <string.h>

#include "common/mail/idna.h"
#include "relayd/dns.h"

enum { LABEL_MAX = 63 /* bytes (RFC 1035 2.3.4) */ };

static bool
is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] > 127)
			return false;
	return true;
}

/* Labels with dots between them, in lower case. */
static int
copy_name(struct slice text, char *out)
{
	size_t label = 0;

	if (text.length == 0 || text.length > DNS_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < text.length; i++) {
		bool dot = text.data[i] == '.';

		out[i] = dot ? '.' : dns_name_byte((unsigned char)text.data[i]);
		if (out[i] == '\0' || (dot && label == 0) || (!dot && label == LABEL_MAX))
			return -EINVAL;
		label = dot ? 0 : label + 1;
	}
	out[text.length] = '\0';
	return label == 0 ? -EINVAL : 0;
}

int
dns_name_from_text(struct slice text, char *out)
{
	char ascii[ADDRESS_DOMAIN_MAX + 1];
	int error = 0;

	if (!is_ascii(text)) {
		error = idna_to_ascii(text, ascii);
		text = slice_from_string(ascii);
	}
	if (text.length > 0 && text.data[text.length - 1] == '.')
		text.length--;
	if (error == 0)
		error = copy_name(text, out);
	if (error != 0)
		out[0] = '\0';
	return error;
}
