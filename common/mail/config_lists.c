/*
 * Values of directives that hold several things: endpoints to listen on, networks, and the sentence of "retry".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mail/config_directive.h"

/* IPv4 or IPv6 by its look. 0 with the family in *family_r and the bytes in BINARY (16), or -EINVAL. */
static int
read_address(struct slice text, int *family_r, unsigned char *binary)
{
	char string[INET6_ADDRSTRLEN];

	*family_r = slice_find(text, ':') == text.length ? AF_INET : AF_INET6;
	if (slice_to_string(text, string, sizeof(string)) != 0 || inet_pton(*family_r, string, binary) != 1)
		return -EINVAL;
	return 0;
}

static struct config_endpoint
make_endpoint(int family, const unsigned char *binary, uint16_t port)
{
	struct config_endpoint endpoint = { 0 };

	if (family == AF_INET) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

		memcpy(&in.sin_addr, binary, sizeof(in.sin_addr));
		memcpy(&endpoint.address, &in, sizeof(in));
		endpoint.length = sizeof(in);
	} else {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

		memcpy(&in6.sin6_addr, binary, sizeof(in6.sin6_addr));
		memcpy(&endpoint.address, &in6, sizeof(in6));
		endpoint.length = sizeof(in6);
	}
	return endpoint;
}

static bool
add_endpoint(struct config_endpoints *endpoints, int family, const unsigned char *binary, uint16_t port)
{
	if (endpoints->count == CONFIG_ENDPOINTS_MAX)
		return false;
	endpoints->list[endpoints->count++] = make_endpoint(family, binary, port);
	return true;
}

/* 0, -EINVAL (no endpoint) or -ENOBUFS (too many). */
static int
read_endpoint(struct slice word, struct config_endpoints *endpoints)
{
	static const unsigned char any[16];
	size_t colon = slice_find_last(word, ':');
	struct slice host = slice_first(word, colon);
	unsigned char binary[16];
	uint64_t port;
	int family;

	if (slice_to_number(slice_from(word, colon + 1), UINT16_MAX, &port) != 0 || port == 0)
		return -EINVAL;
	if (slice_equal(host, SLICE("*")))
		return add_endpoint(endpoints, AF_INET, any, (uint16_t)port) &&
		       add_endpoint(endpoints, AF_INET6, any, (uint16_t)port) ? 0 : -ENOBUFS;
	if (host.length > 2 && host.data[0] == '[' && host.data[host.length - 1] == ']') {
		host = slice_first(slice_from(host, 1), host.length - 2);
		if (read_address(host, &family, binary) != 0 || family != AF_INET6)
			return -EINVAL;
	} else if (read_address(host, &family, binary) != 0 || family != AF_INET) {
		return -EINVAL;
	}
	return add_endpoint(endpoints, family, binary, (uint16_t)port) ? 0 : -ENOBUFS;
}

int
config_parse_endpoints(const struct config_directive *directive, struct slice value, void *member,
                       const struct config_report *report)
{
	struct config_endpoints *endpoints = member;
	char quote[CONFIG_QUOTE_SIZE];

	endpoints->count = 0;
	if (slice_equal(value, SLICE("off")))
		return 0;
	for (struct slice word = slice_word(&value); word.length > 0; word = slice_word(&value)) {
		int error = read_endpoint(word, endpoints);

		if (error == -ENOBUFS)
			return config_complain(
				report, "%s: too many endpoints at %s; write at most %d (\"*\" counts as two)",
				directive->name, config_quote(word, quote), CONFIG_ENDPOINTS_MAX);
		if (error != 0)
			return config_complain(report, "%s: %s is no endpoint; write ADDRESS:PORT, such as "
			                       "127.0.0.1:25, [::1]:25 or *:25, or off", directive->name,
			                       config_quote(word, quote));
	}
	return 0;
}

int
config_parse_certificate(const struct config_directive *directive, struct slice value, void *member,
                         const struct config_report *report)
{
	struct config_directive path = *directive;
	struct config_certificates *certificates = member;
	struct config_certificate *certificate;
	struct slice chain = slice_word(&value);
	struct slice key = slice_trim(value);

	if (slice_equal(chain, SLICE("off")) && key.length == 0) {
		certificates->count = 0;
		return 0;
	}
	if (certificates->count == CONFIG_CERTIFICATES_MAX)
		return config_complain(report, "%s: too many; write at most %d", directive->name,
		                       CONFIG_CERTIFICATES_MAX);
	if (key.length == 0)
		return config_complain(report, "%s: the key is missing; write the file of the certificate and then that of "
		                       "its key, or off", directive->name);
	path.size = CONFIG_PATH_MAX;
	certificate = &certificates->list[certificates->count];
	if (config_parse_path(&path, chain, certificate->chain, report) != 0 ||
	    config_parse_path(&path, key, certificate->key, report) != 0)
		return -EINVAL;
	certificate->line = report->line;
	certificates->count++;
	return 0;
}

/* Clears the bits after the first BITS. True when any of them was set. */
static bool
clear_host_bits(unsigned char *binary, size_t size, unsigned bits)
{
	bool any = false;

	for (size_t i = 0; i < size; i++) {
		unsigned kept = bits >= 8 * (i + 1) ? 8 : bits <= 8 * i ? 0 : bits - 8 * (unsigned)i;
		unsigned char mask = (unsigned char)(0xff00u >> kept);

		any = any || (binary[i] & ~mask & 0xff) != 0;
		binary[i] &= mask;
	}
	return any;
}

static int
read_network(const struct config_directive *directive, struct slice word, struct config_network *network,
             const struct config_report *report)
{
	char quote[CONFIG_QUOTE_SIZE], right[INET6_ADDRSTRLEN];
	size_t slash = slice_find(word, '/');
	uint64_t bits;
	unsigned widest;

	*network = (struct config_network){ 0 };
	if (read_address(slice_first(word, slash), &network->family, network->address) != 0)
		return config_complain(
			report, "%s: %s is no network; write ADDRESS or ADDRESS/BITS, such as 10.0.0.0/8 or ::1",
			directive->name, config_quote(word, quote));
	widest = network->family == AF_INET ? 32 : 128;
	bits = widest;
	if (slash < word.length && slice_to_number(slice_from(word, slash + 1), widest, &bits) != 0)
		return config_complain(report, "%s: %s has no good number of bits; write 0 to %u after the slash",
		                       directive->name, config_quote(word, quote), widest);
	network->bits = (unsigned)bits;
	if (!clear_host_bits(network->address, widest / 8, network->bits))
		return 0;
	inet_ntop(network->family, network->address, right, sizeof(right));
	return config_complain(report, "%s: %s has bits of a host in it; write %s/%u, or the address alone",
	                       directive->name, config_quote(word, quote), right, network->bits);
}

int
config_parse_networks(const struct config_directive *directive, struct slice value, void *member,
                      const struct config_report *report)
{
	struct config_networks *networks = member;

	networks->count = 0;
	if (slice_equal(value, SLICE("off")))
		return 0;
	for (struct slice word = slice_word(&value); word.length > 0; word = slice_word(&value)) {
		if (networks->count == CONFIG_NETWORKS_MAX)
			return config_complain(report, "%s: too many networks; write at most %d", directive->name,
			                       CONFIG_NETWORKS_MAX);
		if (read_network(directive, word, &networks->list[networks->count], report) != 0)
			return -EINVAL;
		networks->count++;
	}
	return 0;
}

static const char retry_example[] = "write a sentence such as 15m for 4h, then 30m for 8h, then 2h";

/* The next word of the sentence; a comma is as good as a blank. */
static struct slice
sentence_word(struct slice *rest)
{
	struct slice word;
	size_t comma;

	do {
		struct slice before = *rest;

		word = slice_word(rest);
		comma = slice_find(word, ',');
		if (comma < word.length) {
			word = slice_first(word, comma);
			*rest = slice_from(before, (size_t)(word.data - before.data) + comma + 1);
		}
	} while (word.length == 0 && rest->length > 0);
	return word;
}

static int
complain_of_word(const struct config_directive *directive, struct slice word, const char *expected,
                 const struct config_report *report)
{
	char quote[CONFIG_QUOTE_SIZE];

	if (word.length == 0)
		return config_complain(report, "%s: the sentence ends where %s should be; %s", directive->name,
		                       expected, retry_example);
	return config_complain(report, "%s: %s stands where %s should be; %s", directive->name,
	                       config_quote(word, quote), expected, retry_example);
}

/*
 * retry = stage *( "then" stage ), stage = interval [ "for" time ]; each stage but the last has its "for".
 */
int
config_parse_retries(const struct config_directive *directive, struct slice value, void *member,
                     const struct config_report *report)
{
	struct config_retries *retries = member;
	struct slice word;
	uint32_t age = 0;

	retries->count = 0;
	for (;;) {
		char quote[CONFIG_QUOTE_SIZE];
		struct config_retry *stage;
		uint32_t duration;

		if (retries->count == CONFIG_RETRIES_MAX)
			return config_complain(report, "%s: too many intervals; write at most %d", directive->name,
			                       CONFIG_RETRIES_MAX);
		stage = &retries->list[retries->count++];
		word = sentence_word(&value);
		if (word.length == 0)
			return complain_of_word(directive, word, "an interval", report);
		if (config_read_time(directive, word, &stage->interval, report) != 0)
			return -EINVAL;
		stage->until = UINT32_MAX;
		word = sentence_word(&value);
		if (word.length == 0)
			return 0;
		if (!slice_equal(word, SLICE("for")))
			return complain_of_word(directive, word, "\"for\"", report);
		word = sentence_word(&value);
		if (word.length == 0)
			return complain_of_word(directive, word, "a time", report);
		if (config_read_time(directive, word, &duration, report) != 0)
			return -EINVAL;
		age += duration; /* at most CONFIG_RETRIES_MAX times the directive's limit of 30 days */
		stage->until = age;
		word = sentence_word(&value);
		if (word.length == 0)
			return config_complain(report, "%s: nothing is said of the time after %s; end with an "
			                       "interval that goes on, such as then 2h", directive->name,
			                       config_show_time(age, quote));
		if (!slice_equal(word, SLICE("then")))
			return complain_of_word(directive, word, "\"then\"", report);
	}
}
