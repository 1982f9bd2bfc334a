/*
 * The parameters of MAIL and RCPT: one function each, and a table that ties them to their keywords.
 */
#include "smtpd/parameters.h"

#include <errno.h>

#include "common/base/utf8.h"
#include "smtpd/command.h"
#include "smtpd/xtext.h"

/* 0 or -EINVAL; OUT is the struct that is filled in. */
typedef int parameter_function(const struct command_parameter *parameter, void *out);

struct parameter {
	const char *keyword;
	parameter_function *parse;
};

/* The flag of VALUE in a list of words; 0 when it is none of them. */
struct word {
	const char *text;
	uint8_t flag;
};

static uint8_t
word_flag(const struct word *words, size_t count, struct slice text)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(slice_from_string(words[i].text), text))
			return words[i].flag;
	return 0;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int
parse_size(const struct command_parameter *parameter, void *out)
{
	struct mail_parameters *mail = out;

	/* RFC 1870 3: up to 20 digits. What does not fit 64 bits is too big in any case. */
	if (parameter->value.length > 20)
		return -EINVAL;
	switch (slice_to_number(parameter->value, UINT64_MAX, &mail->size)) {
	case 0:
		return 0;
	case -ERANGE:
		mail->size = UINT64_MAX;
		return 0;
	default:
		return -EINVAL;
	}
}

static int
parse_body(const struct command_parameter *parameter, void *out)
{
	static const struct word words[] = {
		{ "8BITMIME", ENVELOPE_8BITMIME },
		{ "BINARYMIME", ENVELOPE_BINARYMIME },
	};
	struct mail_parameters *mail = out;
	uint8_t flag = word_flag(words, COUNT(words), parameter->value);

	if (flag == 0 && !slice_equal_nocase(parameter->value, SLICE("7BIT")))
		return -EINVAL;
	mail->flags |= flag;
	return 0;
}

static int
parse_smtputf8(const struct command_parameter *parameter, void *out)
{
	struct mail_parameters *mail = out;

	if (parameter->has_value)
		return -EINVAL;
	mail->flags |= ENVELOPE_SMTPUTF8;
	return 0;
}

static int
parse_ret(const struct command_parameter *parameter, void *out)
{
	static const struct word words[] = {
		{ "FULL", ENVELOPE_RET_FULL },
		{ "HDRS", ENVELOPE_RET_HDRS },
	};
	struct mail_parameters *mail = out;
	uint8_t flag = word_flag(words, COUNT(words), parameter->value);

	if (flag == 0)
		return -EINVAL;
	mail->flags |= flag;
	return 0;
}

static int
parse_envid(const struct command_parameter *parameter, void *out)
{
	struct mail_parameters *mail = out;

	if (parameter->value.length == 0)
		return -EINVAL;
	for (size_t i = 0; i < parameter->value.length; i++)
		if ((unsigned char)parameter->value.data[i] > 127)
			return -EINVAL;
	return xtext_decode(parameter->value, mail->envid, sizeof(mail->envid));
}

/*
 * AUTH= (RFC 4954 5): who has sent the message first, as another server says. It is checked for its form, and not believed.
 */
static int
parse_auth(const struct command_parameter *parameter, void *out)
{
	char mailbox[ENVELOPE_ORCPT_MAX + 1];

	(void)out;
	if (parameter->value.length == 0)
		return -EINVAL;
	return slice_equal(parameter->value, SLICE("<>")) ? 0 : xtext_decode(parameter->value, mailbox, sizeof(mailbox));
}

static int
parse_notify(const struct command_parameter *parameter, void *out)
{
	static const struct word words[] = {
		{ "NEVER", ENVELOPE_NOTIFY_NEVER },
		{ "SUCCESS", ENVELOPE_NOTIFY_SUCCESS },
		{ "FAILURE", ENVELOPE_NOTIFY_FAILURE },
		{ "DELAY", ENVELOPE_NOTIFY_DELAY },
	};
	struct rcpt_parameters *rcpt = out;
	struct slice rest = parameter->value;

	for (;;) {
		size_t comma = slice_find(rest, ',');
		uint8_t flag = word_flag(words, COUNT(words), slice_first(rest, comma));

		if (flag == 0)
			return -EINVAL;
		rcpt->notify |= flag;
		if (comma == rest.length)
			break;
		rest = slice_from(rest, comma + 1);
	}
	/* RFC 3461 4.1: NEVER stands alone. */
	if ((rcpt->notify & ENVELOPE_NOTIFY_NEVER) != 0 && rcpt->notify != ENVELOPE_NOTIFY_NEVER)
		return -EINVAL;
	return 0;
}

/* original-recipient-address = addr-type ";" xtext (RFC 3461 4.2) */
static int
parse_orcpt(const struct command_parameter *parameter, void *out)
{
	struct rcpt_parameters *rcpt = out;
	size_t semicolon = slice_find(parameter->value, ';');

	if (semicolon == 0 || parameter->value.length - semicolon < 2)
		return -EINVAL;
	for (size_t i = 0; i < semicolon; i++) {
		char c = parameter->value.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
			return -EINVAL;
	}
	return xtext_decode(parameter->value, rcpt->orcpt, sizeof(rcpt->orcpt));
}

static enum parameters_result
parameters_parse(struct slice arguments, const struct parameter *table, size_t count, void *out)
{
	struct command_parameter parameter;
	uint32_t seen = 0;
	int more;

	while ((more = command_take_parameter(&arguments, &parameter)) > 0) {
		size_t i = 0;

		while (i < count && !slice_equal_nocase(slice_from_string(table[i].keyword), parameter.keyword))
			i++;
		if (i == count)
			return PARAMETERS_UNKNOWN;
		if ((seen & (UINT32_C(1) << i)) != 0 || table[i].parse(&parameter, out) != 0)
			return PARAMETERS_SYNTAX;
		seen |= UINT32_C(1) << i;
	}
	return more < 0 ? PARAMETERS_SYNTAX : PARAMETERS_OK;
}

enum parameters_result
parameters_mail(struct slice arguments, struct mail_parameters *parameters_r)
{
	static const struct parameter table[] = {
		{ "SIZE", parse_size },
		{ "BODY", parse_body },
		{ "SMTPUTF8", parse_smtputf8 },
		{ "RET", parse_ret },
		{ "ENVID", parse_envid },
		{ "AUTH", parse_auth },
	};

	*parameters_r = (struct mail_parameters){ 0 };
	return parameters_parse(arguments, table, COUNT(table), parameters_r);
}

enum parameters_result
parameters_rcpt(struct slice arguments, bool utf8, struct rcpt_parameters *parameters_r)
{
	static const struct parameter table[] = {
		{ "NOTIFY", parse_notify },
		{ "ORCPT", parse_orcpt },
	};
	bool eight_bit = false;

	*parameters_r = (struct rcpt_parameters){ 0 };
	for (size_t i = 0; i < arguments.length; i++)
		eight_bit |= (unsigned char)arguments.data[i] > 127;
	if (eight_bit && (!utf8 || !utf8_valid(arguments)))
		return PARAMETERS_NOT_ASCII;
	return parameters_parse(arguments, table, COUNT(table), parameters_r);
}

enum reply
parameters_refusal(enum parameters_result result)
{
	switch (result) {
	case PARAMETERS_OK:
		return REPLY_NONE;
	case PARAMETERS_UNKNOWN:
		return REPLY_PARAMETER_UNKNOWN;
	case PARAMETERS_NOT_ASCII:
		return REPLY_PARAMETER_NOT_ASCII;
	case PARAMETERS_SYNTAX:
		break;
	}
	return REPLY_PARAMETER_SYNTAX;
}
