/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replay platform: runs that repeat.
 *
 * Time is counted, not measured; entropy comes from a seed; one thread runs at a time, and a generator with the same
 * seed chooses which at every hypercall where the host could have switched. So a run is a function of its seed, and a
 * bug that shows under one seed shows again. It stands on the posix platform for memory and for the threads themselves.
 *
 * Parameters, asked of the owner at init():
 *  replay.seed      number, any base of C; 1 if there is none
 *  replay.spurious  one in how many sleeps ends for no reason at all; 16 if there is none, 0: none
 *
 * Threads: those of thread_create() and the one that called init() are scheduled. Another host thread is taken in at
 * its first call that can switch, in whatever moment that comes: such a run does not repeat. Between two such calls a
 * scheduled thread must not wait for another one by means of the host.
 */
#ifndef PLATFORM_REPLAY_H
#define PLATFORM_REPLAY_H

#include <rumpus/hyp.h>

/**
 * struct replay_trace - what a run has been so far
 * @hash:      of every decision, with the thread, the time and the kind of call; addresses do not enter
 * @decisions: how often there was one
 * @switches:  how often it fell on another thread
 */
struct replay_trace {
	uint64_t hash;
	uint64_t decisions;
	uint64_t switches;
};

/** replay_trace() - read the trace of an instance of this platform; by a thread that runs in it */
void replay_trace(struct hyp *h, struct replay_trace *trace);

#endif
