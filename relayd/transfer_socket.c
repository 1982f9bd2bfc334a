/*
 * LMTP over a UNIX socket: the parent connects it, if relay_sockets names it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/proc/process.h"
#include "relayd/transfer_state.h"

static void
transfer_on_socket(void *context, int fd)
{
	struct socket_question *question = context;
	struct transfer *transfer = question->transfer;
	struct session_target target = { .asked = "", .canonical = "", .policy = TLS_POLICY_OFF };
	bool refused = fd == -EAGAIN || fd == -ECONNREFUSED;

	free(question);
	if (transfer == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	transfer->question = NULL;
	snprintf(transfer->job->remote, sizeof(transfer->job->remote), "lmtp:%.*s", (int)transfer->job->route.host.length,
	         transfer->job->route.host.data);
	if (fd >= 0) {
		target.remote = transfer->job->remote;
		target.whole_data = transfer->whole_data;
		transfer_open(transfer, fd, &target);
		return;
	}
	if (refused && transfer_others_are_open(transfer))
		transfer->full = true;
	transfer_note_problem(transfer, "4.4.1", transfer->job->remote, fd == -ENOTSUP ? "relay_sockets does not name it" : strerror(-fd));
	transfer->job->remote[0] = '\0';
	transfer_give_up(transfer);
}

void
transfer_ask_for_socket(struct transfer *transfer)
{
	struct socket_question *question = malloc(sizeof(*question));
	const struct slice path = transfer->job->route.host;
	char name[ROUTE_HOST_MAX + sizeof("lmtp:")];
	int error = -ENOMEM;

	snprintf(name, sizeof(name), "lmtp:%.*s", (int)path.length, path.data);
	if (question != NULL) {
		question->transfer = transfer;
		error = process_request_channel(transfer->relay->process, name, transfer_on_socket, question);
	}
	if (error != 0) {
		free(question);
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.3.0", strerror(-error));
		return;
	}
	transfer->question = question;
}
