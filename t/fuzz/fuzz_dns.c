/*
 * DNS messages from anywhere: the way from a name to an answer, each lookup of which is answered by a piece of the input. Whatever they say, the
 * answer that comes of it is one that a worker takes.
 */
#include <stdlib.h>
#include <string.h>

#include "relayd/finding.h"
#include "relayd/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOOKUPS_MAX = 256 };

static unsigned slots[LOOKUPS_MAX];
static unsigned asked;

static int
on_lookup(void *context, const char *name, enum dns_type type, unsigned slot)
{
	(void)context;
	(void)type;
	if (strlen(name) > DNS_NAME_MAX)
		abort();
	if (asked == LOOKUPS_MAX)
		return -1;
	slots[asked++] = slot;
	return 0;
}

static uint32_t
no_chance(void)
{
	return 7;
}

static const struct finding_callbacks callbacks = { .lookup = on_lookup, .random = no_chance };

/* Two bytes of flags and length, then a message. False at the end of the input. */
static bool
next_result(struct slice *left, struct finding_result *result_r)
{
	unsigned flags;
	size_t length;

	if (left->length < 2)
		return false;
	flags = (unsigned char)left->data[0];
	length = (size_t)(flags >> 4) << 8 | (unsigned char)left->data[1];
	*left = slice_from(*left, 2);
	*result_r = (struct finding_result){ .failed = (flags & 3) == 3, .rcode = (flags & 4) != 0 ? DNS_NXDOMAIN : DNS_NOERROR, .secure = (flags & 8) != 0 };
	result_r->message = slice_first(*left, length);
	*left = slice_from(*left, length);
	return true;
}

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
	struct slice left = slice_of(data, size);
	struct finding_question question = { .how = RESOLVE_MX, .name = "a.b", .port = 25, .dane = true };
	struct finding_result result;
	struct finding *finding;

	asked = 0;
	if (size > 0) {
		question.backup = (data[0] & 1) != 0;
		question.how = (data[0] & 2) != 0 ? RESOLVE_HOST : RESOLVE_MX;
		left = slice_from(left, 1);
	}
	finding = finding_new(&question, "c.d", &callbacks, NULL);
	if (finding == NULL)
		return 0;
	finding_begin(finding);
	for (unsigned i = 0; i < asked && next_result(&left, &result); i++) {
		finding_result(finding, slots[i], &result);
		(void)finding_is_usable(finding);
	}
	check_answer(finding);
	finding_free(&finding);
	return 0;
}
