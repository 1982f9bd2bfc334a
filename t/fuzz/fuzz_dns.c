/*
 * The way from a name to an answer, each lookup of which is answered by a message that the input describes: records that are right, aliases, raw data, and
 * damage anywhere. Whatever they say, the answer that comes of it is one that a worker takes.
 */
#include <stdlib.h>
#include <string.h>

#include "relayd/finding.h"
#include "relayd/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOOKUPS_MAX = 256, MESSAGE_MAX = 4096, STEPS_MAX = 40 };

static struct {
	unsigned slot;
	enum dns_type type;
	char name[DNS_NAME_SIZE];
} lookups[LOOKUPS_MAX];
static unsigned asked;

struct message {
	char bytes[MESSAGE_MAX];
	size_t length;
};

static int
on_lookup(void *context, const char *name, enum dns_type type, unsigned slot)
{
	(void)context;
	if (strlen(name) > DNS_NAME_MAX)
		abort();
	if (asked == LOOKUPS_MAX)
		return -1;
	lookups[asked].slot = slot;
	lookups[asked].type = type;
	strlcpy(lookups[asked++].name, name, DNS_NAME_SIZE);
	return 0;
}

static uint32_t
no_chance(void)
{
	return 7;
}

static const struct finding_callbacks callbacks = { .lookup = on_lookup, .random = no_chance };

/* ---- messages ---- */

static unsigned
take(struct slice *input)
{
	unsigned byte = input->length == 0 ? 0 : (unsigned char)input->data[0];

	*input = slice_from(*input, 1);
	return byte;
}

static void
put(struct message *message, const void *data, size_t length)
{
	if (length > sizeof(message->bytes) - message->length)
		length = sizeof(message->bytes) - message->length;
	memcpy(message->bytes + message->length, data, length);
	message->length += length;
}

static void
put_byte(struct message *message, unsigned byte)
{
	put(message, &(char){ (char)byte }, 1);
}

/* The header and the question, whose name is at offset 12. */
static void
put_question(struct message *message, const char *name, enum dns_type type)
{
	put(message, "\0\7\201\200\0\1\0\0\0\0\0\0", 12);
	while (*name != '\0') {
		size_t length = strcspn(name, ".");

		put_byte(message, (unsigned)length);
		put(message, name, length);
		name += length + (name[length] == '.');
	}
	put(message, "\0\0", 2);
	put_byte(message, type);
	put(message, "\0\1", 2);
}

/* A record of the name at offset OWNER. */
static void
put_record(struct message *message, unsigned owner, enum dns_type type, const void *data, size_t length)
{
	put_byte(message, 0xc0 | owner >> 8);
	put_byte(message, owner & 0xff);
	put_byte(message, 0);
	put_byte(message, type);
	put(message, "\0\1\0\0\0\0", 6);
	put_byte(message, (unsigned)length >> 8);
	put_byte(message, (unsigned)length & 0xff);
	put(message, data, length);
	message->bytes[7]++;
}

/* One that is right, and differs by one byte of the input: the name "a" to "z" of an MX host or an alias's target, or a byte of data. */
static void
put_right(struct message *message, enum dns_type type, unsigned byte)
{
	char letter = (char)('a' + byte % 26);
	char mx[] = { 0, (char)(byte / 26), 1, letter, 0 };
	char alias[] = { 1, letter, 0 };
	char tlsa[35] = { (char)(byte % 5), (char)(byte / 5 % 3), (char)(byte / 15 % 4) };
	char address[16] = { letter };

	if (type == DNS_MX)
		put_record(message, 12, type, mx, sizeof(mx));
	else if (type == DNS_CNAME)
		put_record(message, 12, type, alias, sizeof(alias));
	else if (type == DNS_TLSA)
		put_record(message, 12, type, tlsa, sizeof(tlsa));
	else
		put_record(message, 12, type, address, type == DNS_A ? 4 : 16);
}

static void
put_step(struct message *message, enum dns_type type, struct slice *input)
{
	unsigned step = take(input);
	size_t at;

	switch (step & 3) {
	case 0:
		put_right(message, type, take(input));
		break;
	case 1:
		put_right(message, DNS_CNAME, take(input));
		message->bytes[message->length - 14] = (char)take(input); /* its owner: any name of before */
		break;
	case 2:
		put_record(message, step >> 2 == 0 ? 12 : (unsigned)(message->length - (step >> 2)), type, input->data, slice_first(*input, step >> 2).length);
		*input = slice_from(*input, step >> 2);
		break;
	default:
		at = take(input) << 8 | take(input);
		message->bytes[at % message->length] = (char)take(input);
	}
}

static struct finding_result
next_result(unsigned lookup, struct message *message, struct slice *input)
{
	unsigned flags = take(input);
	struct finding_result result = { .failed = (flags & 3) == 3, .rcode = (flags & 12) == 12 ? DNS_NXDOMAIN : DNS_NOERROR, .secure = (flags & 16) != 0 };

	message->length = 0;
	put_question(message, lookups[lookup].name, lookups[lookup].type);
	for (unsigned i = 0; i < STEPS_MAX && i < flags >> 5; i++)
		put_step(message, lookups[lookup].type, input);
	result.message = slice_of(message->bytes, message->length);
	return result;
}

/* ---- the answer ---- */

static void
check_answer(struct finding *finding)
{
	struct resolve_answer *answer = NULL;
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer buffer;

	buffer_init(&buffer, RESOLVE_FRAME_MAX);
	writer = wire_begin_bare(&buffer);
	finding_put_answer(finding, &writer);
	if (wire_end_bare(&writer) != 0)
		abort();
	reader = wire_read(buffer_slice(&buffer));
	if (resolve_answer_parse(&reader, &answer) != 0 || !wire_done(&reader))
		abort();
	resolve_answer_free(&answer);
	buffer_free(&buffer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	unsigned flags = take(&input);
	struct finding_question question = { .name = "q", .port = 25, .dane = (flags & 1) != 0, .backup = (flags & 2) != 0 };
	static struct message message;
	struct finding *finding;

	asked = 0;
	question.how = (flags & 12) == 12 ? RESOLVE_HOST : RESOLVE_MX;
	finding = finding_new(&question, "h", &callbacks, NULL);
	if (finding == NULL)
		return 0;
	finding_begin(finding);
	for (unsigned i = 0; i < asked && input.length > 0; i++) {
		struct finding_result result = next_result(i, &message, &input);

		finding_result(finding, lookups[i].slot, &result);
		(void)finding_is_usable(finding);
	}
	check_answer(finding);
	finding_free(&finding);
	return 0;
}
