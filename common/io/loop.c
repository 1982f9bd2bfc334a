/*
 * The event loop of a process. There is one in a process, so that what follows is static.
 */
#include "common/io/loop.h"

#include <sched.h>

#include "common/base/clock.h"

enum { LOOKS_BETWEEN_YIELDS = 8 }; /* some 8 us: looking takes about one, and a yield half of that */

static int64_t awake_until; /* clock_monotonic_us; 0: the loop may sleep */
static int64_t paused_until;
static bool in_vain; /* nobody has spoken since the last answer */

void
loop_answered(struct loop_pace *pace, int64_t now)
{
	pace->answered = now;
	if (pace->quick < LOOP_QUICK || now < paused_until)
		return;
	awake_until = now + LOOP_AWAKE_US;
	in_vain = true;
}

void
loop_heard(struct loop_pace *pace, int64_t now)
{
	if (pace->answered == 0)
		return;
	if (now - pace->answered > LOOP_AWAKE_US)
		pace->quick = 0;
	else if (pace->quick < LOOP_QUICK)
		pace->quick++;
	pace->answered = 0;
	in_vain = false;
}

bool
loop_stays_awake(int64_t now)
{
	if (now < awake_until)
		return true;
	awake_until = 0;
	if (in_vain)
		paused_until = now + LOOP_PAUSE_US;
	in_vain = false;
	return false;
}

void
loop_run(struct event_base *base)
{
	unsigned looks = 0;
	int flags;

	do {
		flags = EVLOOP_ONCE;
		if (awake_until != 0 && loop_stays_awake(clock_monotonic_us())) {
			flags = EVLOOP_NONBLOCK;
			if (++looks % LOOKS_BETWEEN_YIELDS == 0)
				sched_yield();
		}
	} while (event_base_loop(base, flags) == 0 && !event_base_got_exit(base) && !event_base_got_break(base));
}
