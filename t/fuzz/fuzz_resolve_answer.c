/*
 * A RESOLVE_ANSWER from a resolver in an intruder's hands: taken within bounds or refused; and a name from a message's envelope.
 */
#include <stdlib.h>
#include <string.h>

#include "relayd/dns.h"
#include "relayd/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader reader = wire_read(slice_of(data, size));
	struct resolve_answer *answer = NULL;
	char name[DNS_NAME_SIZE];

	if (dns_name_from_text(slice_of(data, size), name) == 0 && (name[0] == '\0' || strlen(name) > DNS_NAME_MAX))
		abort();
	if (resolve_answer_parse(&reader, &answer) != 0)
		return 0;
	if ((answer->result == RESOLVE_OK) != (answer->host_count > 0))
		abort();
	for (size_t i = 0; i < answer->host_count; i++) {
		const struct resolve_host *host = &answer->hosts[i];

		for (size_t k = 0; k < host->address_count; k++)
			if (host->addresses[k].length != 4 && host->addresses[k].length != 16)
				abort();
		for (size_t k = 0; k < host->record_count; k++)
			if (host->records[k].data.length == 0 || !slice_equal(host->records[k].data, host->records[k].data))
				abort();
	}
	resolve_answer_free(&answer);
	return 0;
}
