/*
 * resolv.conf(5): its name servers.
 */
#include "relayd/servers.h"

#include <arpa/inet.h>
#include <string.h>

enum { DNS_PORT = 53 };

static bool
endpoint_from_text(struct slice text, struct config_endpoint *endpoint_r)
{
	char address[INET6_ADDRSTRLEN];
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT) };

	if (slice_to_string(text, address, sizeof(address)) != 0)
		return false;
	*endpoint_r = (struct config_endpoint){ 0 };
	if (inet_pton(AF_INET, address, &four.sin_addr) == 1) {
		memcpy(&endpoint_r->address, &four, sizeof(four));
		endpoint_r->length = sizeof(four);
	} else if (inet_pton(AF_INET6, address, &six.sin6_addr) == 1) {
		memcpy(&endpoint_r->address, &six, sizeof(six));
		endpoint_r->length = sizeof(six);
	}
	return endpoint_r->length > 0;
}

void
servers_from_resolv_conf(struct slice text, struct config_endpoints *servers_r)
{
	*servers_r = (struct config_endpoints){ 0 };
	while (text.length > 0) {
		size_t end = slice_find(text, '\n');
		struct slice line = slice_trim(slice_first(text, end));

		text = slice_from(text, end + 1);
		if (slice_equal(slice_word(&line), SLICE("nameserver")) && servers_r->count < CONFIG_ENDPOINTS_MAX &&
		    endpoint_from_text(slice_word(&line), &servers_r->list[servers_r->count]))
			servers_r->count++;
	}
	if (servers_r->count == 0 && endpoint_from_text(SLICE("127.0.0.1"), &servers_r->list[0]))
		servers_r->count = 1;
}
