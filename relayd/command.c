/*
 * MAIL and RCPT: SIZE (RFC 1870 6), BODY (RFC 6152 3), SMTPUTF8 (RFC 6531 3.4), and DSN's RET, ENVID, NOTIFY and ORCPT (RFC 3461 4).
 */
#include "relayd/command.h"

#include <inttypes.h>

#include "common/base/utf8.h"
#include "common/mail/address.h"
#include "common/mail/envelope.h"

enum {
	QUOTED_SIZE = 2 * ADDRESS_MAX + 4,
};

bool
command_address_fits(struct slice address)
{
	char quoted[QUOTED_SIZE];

	address_format_quoted(address, quoted, sizeof(quoted));
	return quoted[0] != '\0';
}

static int
append_address(struct buffer *out, const char *verb, struct slice address)
{
	char quoted[QUOTED_SIZE] = "";

	if (address.length > 0)
		address_format_quoted(address, quoted, sizeof(quoted));
	return buffer_printf(out, "%s:<%s>", verb, quoted);
}

/* xchar (RFC 3461 4) */
static bool
is_xchar(unsigned char c)
{
	return c > ' ' && c < 127 && c != '+' && c != '=';
}

/* xtext (RFC 3461 4): any byte that is no xchar in hexadecimal. */
static int
append_xtext(struct buffer *out, struct slice value)
{
	for (size_t i = 0; i < value.length; i++) {
		unsigned char c = (unsigned char)value.data[i];
		int error = is_xchar(c) ? buffer_append(out, value.data + i, 1) : buffer_printf(out, "+%02X", c);

		if (error != 0)
			return error;
	}
	return 0;
}

/* The number of a character of valid UTF-8. */
static uint32_t
code_point(struct slice character)
{
	static const unsigned char masks[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
	uint32_t point = (unsigned char)character.data[0] & masks[character.length];

	for (size_t i = 1; i < character.length; i++)
		point = point << 6 | ((unsigned char)character.data[i] & 0x3F);
	return point;
}

/*
 * utf-8-addr-unitext under SMTPUTF8, else utf-8-addr-xtext (RFC 6533 3). A backslash is there already where one is needed: smtpd
 * leaves these forms as
 * they come.
 */
static int
append_utf8_address(struct buffer *out, struct slice value, bool smtputf8)
{
	while (value.length > 0) {
		size_t length = utf8_character(value);
		struct slice character = slice_first(value, length == 0 ? 1 : length);
		bool plain = length == 1 ? is_xchar((unsigned char)value.data[0]) : length > 1 && smtputf8;
		int error;

		/* Bytes that are no UTF-8 cannot be said at all. */
		if (plain)
			error = buffer_append_slice(out, character);
		else
			error = length == 0 ? buffer_append_string(out, "?") : buffer_printf(out, "\\x{%" PRIX32 "}", code_point(character));
		if (error != 0)
			return error;
		value = slice_from(value, character.length);
	}
	return 0;
}

/* ORCPT=type;address (RFC 3461 4.2). The type is an atom. */
static int
append_orcpt(struct buffer *out, struct slice orcpt, bool smtputf8)
{
	struct slice type = slice_first(orcpt, slice_find(orcpt, ';'));
	struct slice address = slice_from(orcpt, type.length + 1);
	int error;

	if (address.length == 0)
		return 0;
	error = buffer_append_string(out, " ORCPT=");
	if (error == 0)
		error = append_xtext(out, type);
	if (error == 0)
		error = buffer_append_string(out, ";");
	if (error != 0)
		return error;
	if (slice_equal_nocase(type, SLICE("utf-8")))
		return append_utf8_address(out, address, smtputf8);
	return append_xtext(out, address);
}

static int
append_notify(struct buffer *out, uint8_t notify)
{
	static const struct {
		uint8_t bit;
		const char *word;
	} words[] = { { ENVELOPE_NOTIFY_SUCCESS, "SUCCESS" }, { ENVELOPE_NOTIFY_FAILURE, "FAILURE" }, { ENVELOPE_NOTIFY_DELAY, "DELAY" } };
	const char *before = " NOTIFY=";
	int error = 0;

	/* NEVER stands alone (RFC 3461 4.1). */
	if ((notify & ENVELOPE_NOTIFY_NEVER) != 0)
		return buffer_append_string(out, " NOTIFY=NEVER");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && error == 0; i++) {
		if ((notify & words[i].bit) == 0)
			continue;
		error = buffer_printf(out, "%s%s", before, words[i].word);
		before = ",";
	}
	return error;
}

static int
append_return(struct buffer *out, const struct client_transaction *transaction)
{
	int error = 0;

	if ((transaction->flags & RELAY_RET_FULL) != 0)
		error = buffer_append_string(out, " RET=FULL");
	else if ((transaction->flags & RELAY_RET_HDRS) != 0)
		error = buffer_append_string(out, " RET=HDRS");
	if (error != 0 || transaction->envid.length == 0)
		return error;
	error = buffer_append_string(out, " ENVID=");
	return error != 0 ? error : append_xtext(out, transaction->envid);
}

int
command_mail(const struct client_transaction *transaction, const struct ehlo *ehlo, const struct command_declared *declared, struct buffer *out)
{
	int error = append_address(out, "MAIL FROM", transaction->sender);

	if (error == 0 && declared->size)
		error = buffer_printf(out, " SIZE=%" PRIu64, transaction->size);
	if (error == 0 && declared->eightbit)
		error = buffer_append_string(out, " BODY=8BITMIME");
	if (error == 0 && declared->smtputf8)
		error = buffer_append_string(out, " SMTPUTF8");
	if (error == 0 && ehlo->dsn)
		error = append_return(out, transaction);
	return error != 0 ? error : buffer_append_string(out, "\r\n");
}

int
command_rcpt(const struct client_recipient *recipient, const struct ehlo *ehlo, bool smtputf8, struct buffer *out)
{
	int error = append_address(out, "RCPT TO", recipient->address);

	if (error == 0 && ehlo->dsn)
		error = append_notify(out, recipient->notify);
	if (error == 0 && ehlo->dsn)
		error = append_orcpt(out, recipient->orcpt, smtputf8);
	return error != 0 ? error : buffer_append_string(out, "\r\n");
}
