/* SPDX-License-Identifier: BSD-2-Clause */
/* Does a worker that serves a mount get on? */
#ifndef TOOLS_WATCH_H
#define TOOLS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct shared;

/** enum watch_state - how it fares */
enum watch_state {
	WATCH_FINE,
	WATCH_DISK,	    /* it waits for its disk, and that has not answered for too long: told once */
	WATCH_DISK_ANSWERS, /* again: told once */
	WATCH_HANGS,
};

/**
 * struct watch - what was seen so far
 * @patience: nanoseconds without progress that are too many; 0: any number is fine
 * @progress: requests that were done, for clients and by the disk
 * @stood:    nanoseconds for which that did not change although there was something to do
 * @looked:   when the last look was; 0: never
 * @disk:     WATCH_DISK was told
 */
struct watch {
	uint64_t patience, progress, stood, looked;
	bool disk;
};

/**
 * watch_look() - look now
 *
 * What counts is the time between looks, but no more than there should be: when nobody has looked for long, this
 * process was stopped, or the whole machine, and so, probably, was the worker.
 *
 * @shared:  of the worker; believed: a worker that lies is not worse than one that answers nonsense
 * @waiting: it has work, whatever it says itself
 * @now:     nanoseconds
 */
enum watch_state watch_look(struct watch *watch, const struct shared *shared, bool waiting, uint64_t now);

/** watch_pause() - how long not to look. Return: milliseconds as for poll(2) */
int watch_pause(const struct watch *watch);

#endif
