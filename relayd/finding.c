/*
 * One question: from the name to its MX records, from these to hosts, and from hosts to an answer.
 */
#include "relayd/finding.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/finding_host.h"

enum { SLOT_MX = 0, SLOT_HOSTS = 1, NO_PREFERENCE = UINT16_MAX + 1 };

enum finding_state { FINDING_MX, FINDING_HOSTS, FINDING_DONE };

struct finding {
	struct finding_question question;
	const struct finding_callbacks *callbacks;
	void *context;
	char hostname[DNS_NAME_SIZE]; /* "" when ours is no name that DNS has */
	char name[DNS_NAME_SIZE];
	char canonical[DNS_NAME_SIZE];
	enum finding_state state;
	enum resolve_result result;
	char text[RESOLVE_TEXT_MAX];
	bool secure;             /* the MX records */
	uint32_t own_preference; /* of ourselves; NO_PREFERENCE: we are not among them */
	size_t host_count;
	struct finding_host *hosts;
};

/* Ends: there is no host to go to. */
static void
finding_end(struct finding *finding, enum resolve_result result, const char *before, const char *name, const char *after)
{
	finding->state = FINDING_DONE;
	finding->result = result;
	snprintf(finding->text, sizeof(finding->text), "%s%.120s%s", before, name, after);
}

static void
finding_out_of_memory(struct finding *finding)
{
	finding_end(finding, RESOLVE_TEMPORARY, "out of memory", "", "");
}

/* ---- hosts ---- */

static struct host_asker
finding_asker(const struct finding *finding, size_t host)
{
	return (struct host_asker){
		.question = &finding->question,
		.callbacks = finding->callbacks,
		.context = finding->context,
		.first_slot = SLOT_HOSTS + (unsigned)host * HOST_LOOKUPS,
	};
}

/* Done when each host is. */
static void
finding_check_hosts(struct finding *finding)
{
	for (size_t i = 0; i < finding->host_count; i++)
		if (finding->hosts[i].state != HOST_DONE)
			return;
	finding->state = FINDING_DONE;
}

/* Asks for the best hosts of LIST, which is freed. */
static void
finding_ask_hosts(struct finding *finding, struct mx_list *list)
{
	size_t count = list->count < RESOLVE_HOSTS_MAX ? list->count : RESOLVE_HOSTS_MAX;

	finding->hosts = calloc(count, sizeof(struct finding_host));
	if (finding->hosts == NULL) {
		finding_out_of_memory(finding);
	} else {
		finding->state = FINDING_HOSTS;
		finding->host_count = count;
		for (size_t i = 0; i < count; i++) {
			struct host_asker asker = finding_asker(finding, i);

			finding->hosts[i].preference = list->list[i].preference;
			strlcpy(finding->hosts[i].name, list->list[i].name, sizeof(finding->hosts[i].name));
			finding_host_begin(&finding->hosts[i], &asker);
		}
		finding_check_hosts(finding);
	}
	mx_list_free(list);
}

/* ---- MX ---- */

/* Drops ourselves and all that are not better (RFC 5321 5.1), and asks for what is left. LIST is freed. */
static void
finding_use_list(struct finding *finding, struct mx_list *list)
{
	uint16_t preference;

	if (mx_list_preference(list, finding->hostname, &preference)) {
		finding->own_preference = preference;
		mx_list_keep_better(list, preference);
	}
	if (list->count > 0) {
		finding_ask_hosts(finding, list);
		return;
	}
	finding_end(finding, RESOLVE_LOOP, "no mail host of ", finding->name, " is better than this one");
	mx_list_free(list);
}

/* No MX record: the domain itself is its mail host (RFC 5321 5.1). */
static void
finding_use_name(struct finding *finding)
{
	struct mx_list list;

	if (mx_list_implicit(finding->name, &list) != 0)
		finding_out_of_memory(finding);
	else
		finding_use_list(finding, &list);
}

static void
finding_use_answer(struct finding *finding, struct slice message, const struct dns_answer *answer)
{
	struct mx_list list;

	if (mx_list_fill(message, answer, finding->callbacks->random, &list) != 0) {
		finding_out_of_memory(finding);
	} else if (list.null) {
		finding_end(finding, RESOLVE_NULL_MX, "", finding->name, " takes no mail (its MX record says so)");
		mx_list_free(&list);
	} else if (list.count == 0) {
		finding_end(finding, RESOLVE_NO_DOMAIN, "the MX records of ", finding->name, " name no host");
		mx_list_free(&list);
	} else {
		finding_use_list(finding, &list);
	}
}

static void
finding_on_mx(struct finding *finding, const struct finding_result *result)
{
	struct dns_answer answer = { .count = 0 };

	if (result->failed || (result->rcode == DNS_NOERROR && dns_answer_parse(result->message, finding->name, DNS_MX, &answer) != 0)) {
		finding_end(finding, RESOLVE_TEMPORARY, "the MX records of ", finding->name, " cannot be found out now");
		return;
	}
	finding->secure = result->secure;
	if (result->rcode == DNS_NXDOMAIN) {
		finding_end(finding, RESOLVE_NO_DOMAIN, "", finding->name, " does not exist");
		return;
	}
	if (answer.alias)
		strlcpy(finding->canonical, answer.name, sizeof(finding->canonical));
	if (answer.count == 0)
		finding_use_name(finding);
	else
		finding_use_answer(finding, result->message, &answer);
}

/* ---- an address in place of a name ---- */

/* "192.0.2.1", "2001:db8::1", or a literal of RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]". Length of the address, or 0. */
static size_t
address_from_text(struct slice text, unsigned char *address)
{
	char copy[INET6_ADDRSTRLEN];

	if (text.length > 2 && text.data[0] == '[' && text.data[text.length - 1] == ']') {
		text = slice_of(text.data + 1, text.length - 2);
		if (slice_starts_nocase(text, SLICE("IPv6:")))
			text = slice_from(text, 5);
	}
	if (slice_to_string(text, copy, sizeof(copy)) != 0)
		return 0;
	if (inet_pton(AF_INET, copy, address) == 1)
		return 4;
	return inet_pton(AF_INET6, copy, address) == 1 ? 16 : 0;
}

static void
finding_use_address(struct finding *finding, const void *address, size_t length)
{
	finding->hosts = calloc(1, sizeof(struct finding_host));
	if (finding->hosts == NULL) {
		finding_out_of_memory(finding);
		return;
	}
	finding->host_count = 1;
	strlcpy(finding->hosts[0].name, finding->question.name, sizeof(finding->hosts[0].name));
	strlcpy(finding->canonical, finding->question.name, sizeof(finding->canonical));
	finding_host_set_address(&finding->hosts[0], address, length);
	finding->state = FINDING_DONE;
}

/* ---- the way ---- */

struct finding *
finding_new(const struct finding_question *question, const char *hostname, const struct finding_callbacks *callbacks, void *context)
{
	struct finding *finding = calloc(1, sizeof(*finding));

	if (finding == NULL)
		return NULL;
	finding->question = *question;
	finding->callbacks = callbacks;
	finding->context = context;
	finding->own_preference = NO_PREFERENCE;
	(void)dns_name_from_text(slice_from_string(hostname), finding->hostname);
	return finding;
}

void
finding_free(struct finding **finding_p)
{
	struct finding *finding = *finding_p;

	*finding_p = NULL;
	if (finding == NULL)
		return;
	for (size_t i = 0; i < finding->host_count; i++)
		finding_host_free(&finding->hosts[i]);
	free(finding->hosts);
	free(finding);
}

void
finding_begin(struct finding *finding)
{
	unsigned char address[16];
	struct slice text = slice_from_string(finding->question.name);
	size_t length = address_from_text(text, address);
	struct mx_list list;
	int error;

	if (length > 0) {
		finding_use_address(finding, address, length);
		return;
	}
	error = dns_name_from_text(text, finding->name);
	if (error == -ENOMEM) {
		finding_out_of_memory(finding);
		return;
	}
	if (error != 0) {
		finding_end(finding, RESOLVE_NO_DOMAIN, "", finding->question.name, " is no name that DNS can have");
		return;
	}
	strlcpy(finding->canonical, finding->name, sizeof(finding->canonical));
	if (finding->question.how == RESOLVE_HOST) {
		if (mx_list_implicit(finding->name, &list) != 0)
			finding_out_of_memory(finding);
		else
			finding_ask_hosts(finding, &list);
	} else if (finding->callbacks->lookup(finding->context, finding->name, DNS_MX, SLOT_MX) != 0) {
		finding_out_of_memory(finding);
	}
}

void
finding_result(struct finding *finding, unsigned slot, const struct finding_result *result)
{
	size_t host = (slot - SLOT_HOSTS) / HOST_LOOKUPS;
	struct host_asker asker;

	if (slot == SLOT_MX) {
		if (finding->state == FINDING_MX)
			finding_on_mx(finding, result);
		return;
	}
	if (finding->state != FINDING_HOSTS || host >= finding->host_count)
		return;
	asker = finding_asker(finding, host);
	finding_host_result(&finding->hosts[host], &asker, (slot - SLOT_HOSTS) % HOST_LOOKUPS, result);
	finding_check_hosts(finding);
}

bool
finding_is_done(const struct finding *finding)
{
	return finding->state == FINDING_DONE;
}

bool
finding_is_usable(const struct finding *finding)
{
	for (size_t i = 0; i < finding->host_count; i++)
		if (finding->hosts[i].state == HOST_DONE && finding->hosts[i].tlsa.kind != RESOLVE_TLSA_FAILED &&
		    finding_host_has_address(&finding->hosts[i]))
			return true;
	return false;
}

/* ---- the answer ---- */

static bool
host_counts(const struct finding *finding, const struct finding_host *host)
{
	return host->preference < finding->own_preference && finding_host_has_address(host);
}

/* Ourselves under another name. */
static void
find_own_alias(struct finding *finding)
{
	if (finding->question.how != RESOLVE_MX || finding->hostname[0] == '\0')
		return;
	for (size_t i = 0; i < finding->host_count; i++)
		if (strcmp(finding->hosts[i].canonical, finding->hostname) == 0 && finding->hosts[i].preference < finding->own_preference)
			finding->own_preference = finding->hosts[i].preference;
}

/* What is said when hosts were looked for. Returns how many there are to go to. */
static size_t
finding_conclude(struct finding *finding)
{
	bool mx = finding->question.how == RESOLVE_MX, better = false, failed = false;
	size_t count = 0;

	find_own_alias(finding);
	for (size_t i = 0; i < finding->host_count; i++) {
		better |= finding->hosts[i].preference < finding->own_preference;
		failed |= finding->hosts[i].failed;
		count += host_counts(finding, &finding->hosts[i]);
	}
	if (!better) {
		finding_end(finding, RESOLVE_LOOP, "no mail host of ", finding->name, " is better than this one");
	} else if (mx && finding->question.backup && finding->own_preference == NO_PREFERENCE) {
		/* Any of them could be worse than ourselves. DNS may well be put right before the message has to be returned. */
		finding_end(finding, RESOLVE_TEMPORARY, "this host is not among the mail hosts of ", finding->name, ", for which it is a backup");
		count = 0;
	} else if (count == 0 && failed) {
		finding_end(finding, RESOLVE_TEMPORARY, "no address of a mail host of ", finding->name, " can be found out now");
	} else if (count == 0) {
		finding_end(finding, RESOLVE_NO_DOMAIN, "no mail host of ", finding->name, " has an address");
	}
	return count;
}

void
finding_put_answer(struct finding *finding, struct wire_writer *writer)
{
	size_t count = 0;

	if (finding->state == FINDING_MX)
		finding_end(finding, RESOLVE_TEMPORARY, "the MX records of ", finding->name, " cannot be found out now");
	for (size_t i = 0; i < finding->host_count; i++)
		finding_host_give_up(&finding->hosts[i], finding->question.dane);
	finding->state = FINDING_DONE;
	if (finding->host_count > 0)
		count = finding_conclude(finding);
	wire_put_u8(writer, (uint8_t)finding->result);
	wire_put_string(writer, finding->text);
	wire_put_u8(writer, finding->secure);
	wire_put_string(writer, finding->canonical);
	wire_put_u32(writer, (uint32_t)count);
	for (size_t i = 0; count > 0 && i < finding->host_count; i++)
		if (host_counts(finding, &finding->hosts[i]))
			finding_host_put(&finding->hosts[i], writer);
}
