/*
 * From where an address leads to who takes it there: a target comes into the consignment for its destination, waits for
 * the destination, or ends.
 */
#include <stdlib.h>

#include "common/base/log.h"
#include "common/mail/address.h"
#include "common/mail/queueid.h"
#include "queued/retry.h"
#include "queued/schedule_state.h"

static void
defer_for_memory(struct active *active, uint32_t index, struct slice address)
{
	active_defer(active, OUTCOME_UNTRIED, index, address, VERDICT("4.3.0", "out of memory"));
}

/*
 * It is as if the recipient had not been looked at, unless the sender is to hear that it waits.
 */
static void
route_park(struct active *active, const struct target *target)
{
	const struct schedule *schedule = active->schedule;
	const struct message *message = active->message;
	int64_t now = schedule_now(schedule);

	if (schedule_is_late(schedule, message, now) && !retry_is_over(schedule_config(schedule), message->arrival, now))
		active_defer(active, OUTCOME_BRIEF, target->index, target->address, VERDICT_CONGESTED);
	else
		message_set_state(active->message, target->index, RECIPIENT_WAITING); /* never returned for its age without an attempt */
}

/* DESTINATION takes no consignment now. */
static void
route_wait(struct active *active, struct destination *destination, enum admission admission, const struct target *target)
{
	if (admission == ADMISSION_GRANTED) {
		defer_for_memory(active, target->index, target->address);
		return;
	}
	if (admission == ADMISSION_PARKED)
		route_park(active, target);
	else
		destination_refuse(destination, active, target->index, target->address);
	active_wait_for(active, destination, 1);
}

/* Takes TARGET, and releases DESTINATION. */
static void
route_to(struct active *active, struct destination *destination, struct target *target)
{
	struct consignment *consignment = consignment_find(active, destination);
	enum admission admission = ADMISSION_GRANTED;

	if (consignment == NULL)
		admission = destination_admit(destination, active);
	if (consignment == NULL && admission == ADMISSION_GRANTED)
		consignment = consignment_new(active, destination);
	if (consignment != NULL) {
		consignment_add(consignment, target);
	} else {
		route_wait(active, destination, admission, target);
		free(target);
	}
	destination_release(destination);
}

void
route_mailbox(struct active *active, struct target *target)
{
	route_to(active, destination_hold(active->schedule->mailboxes), target);
}

static void
route_discard(struct active *active, uint32_t index, struct slice address)
{
	struct payload_range range = { index, 1 };
	char name[QUEUEID_SIZE];

	queueid_format(active->message->id, name);
	log_event(LOG_NOTICE, "queue.discarded", LOG_STRING("id", name), LOG_SLICE("to", address));
	store_results(active->schedule->hooks.store, active->message, RECIPIENT_REMOVED, &range, 1);
}

/* As names and addresses in brackets can be. What smtpd gave us was written by its client; a worker of relayd holds us to what proto_relay.h says. */
static bool
is_domain(struct slice domain)
{
	return domain.length > 0 && domain.length <= ADDRESS_DOMAIN_MAX;
}

static void
route_remote(struct active *active, uint32_t index, const struct expand_target *remote)
{
	struct slice domain = slice_from(remote->address, slice_find_last(remote->address, '@') + 1);
	struct destination *destination;
	struct target *target;

	if (!is_domain(domain)) {
		active_fail(active, index, remote->address, VERDICT("5.1.2", "the address has no domain that can exist"));
		return;
	}
	destination = destinations_get_remote(&active->schedule->remote, domain, &remote->route, remote->backup);
	target = target_new(index, remote->address, SLICE(""), SLICE(""), 0);
	if (destination != NULL && target != NULL) {
		target->backup = remote->backup;
		route_to(active, destination, target);
		return;
	}
	defer_for_memory(active, index, remote->address);
	free(target);
	if (destination != NULL)
		destination_release(destination);
}

void
route_target(struct active *active, uint32_t index, const struct expand_target *to)
{
	struct target *target;

	if (to->kind != TABLE_TARGET_MAILBOX && to->route.kind == ROUTE_REJECT) {
		active_fail(active, index, to->address, VERDICT("5.7.1", "mail for this domain is refused here"));
	} else if (to->kind != TABLE_TARGET_MAILBOX && to->route.kind == ROUTE_DISCARD) {
		route_discard(active, index, to->address);
	} else if (to->kind != TABLE_TARGET_MAILBOX) {
		route_remote(active, index, to);
	} else {
		target = target_new(index, to->address, to->path, to->folder, to->quota);
		if (target == NULL)
			defer_for_memory(active, index, to->address);
		else
			route_mailbox(active, target);
	}
}
