/*
 * The event loop of a process, which may stay awake for a moment when the next input is near.
 *
 * To wake a process whose processor sleeps takes some 25 us of the waker and of the process, on a virtual machine, which is more than most commands
 * take. A client that waits for each answer pays that with each command. So:
 *
 *  - When an answer has left, and the last LOOP_QUICK inputs of that connection came within LOOP_AWAKE_US of the answers before them, the loop does
 *    not sleep for LOOP_AWAKE_US: it looks again and again for everything that it watches, and now and then offers the processor to others. When one takes
 *    it for longer than that, it was in vain.
 *  - When that was in vain once, no loop stays awake for LOOP_PAUSE_US. So what a process may waste is a hundredth of a processor, and a client that is slow,
 *    far away, or has nothing to say costs nothing.
 *
 * It is for roles whose clients take turns with them and may be on the same machine or next to it. A connection does it when its protocol says
 * stay_awake (common/io/conn.h); nobody else needs the functions below but process_run.
 */
#ifndef ANGARIUM_IO_LOOP_H
#define ANGARIUM_IO_LOOP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	LOOP_QUICK = 8,          /* inputs */
	LOOP_AWAKE_US = 100,     /* longer than a wake-up takes, shorter than any round trip that is worth its name */
	LOOP_PAUSE_US = 10000,
};

/* The pace of a peer. All 0 at first. */
struct loop_pace {
	int64_t answered; /* clock_monotonic_us, when it was answered; 0: it has spoken since */
	uint32_t quick;   /* inputs that came soon, one after the other; stops at LOOP_QUICK */
};

/* Runs until event_base_loopexit or event_base_loopbreak, or there is nothing left to wait for. */
void loop_run(struct event_base *base);

/* NOW is clock_monotonic_us. */

/* The peer has been answered: what comes next comes from it. */
void loop_answered(struct loop_pace *pace, int64_t now);
/* It has spoken. */
void loop_heard(struct loop_pace *pace, int64_t now);
/* Whether the loop of this process is to look again at once. */
bool loop_stays_awake(int64_t now);

#endif
