// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: does a worker that serves a mount get on? */
#include "watch.h"
#include "command.h"

/* Looks before patience ends. */
#define LOOKS 8U

static uint64_t under_way(const _Atomic uint64_t *taken, const _Atomic uint64_t *done)
{
	/* In this order: what is done meanwhile must not seem to be more than was taken. */
	uint64_t ended = atomic_load(done);

	return atomic_load(taken) - ended;
}

enum watch_state watch_look(struct watch *watch, const struct shared *shared, bool waiting, uint64_t now)
{
	uint64_t progress = atomic_load(&shared->served.done) + atomic_load(&shared->disk.done);
	uint64_t on_disk = under_way(&shared->disk.taken, &shared->disk.done);
	uint64_t pause = watch->looked ? now - watch->looked : 0, longest = watch->patience / LOOKS + 1;
	bool busy = waiting || on_disk || under_way(&shared->served.taken, &shared->served.done);

	watch->looked = now;
	watch->stood += pause < longest ? pause : longest;
	if (!busy || progress != watch->progress) {
		bool answers = watch->disk;

		watch->progress = progress;
		watch->stood = 0;
		watch->disk = false;
		return answers ? WATCH_DISK_ANSWERS : WATCH_FINE;
	}
	if (!watch->patience || watch->stood < watch->patience)
		return WATCH_FINE;
	if (!on_disk)
		return WATCH_HANGS;
	if (watch->disk)
		return WATCH_FINE;
	watch->disk = true;
	return WATCH_DISK;
}

int watch_pause(const struct watch *watch)
{
	const uint64_t pause = watch->patience / LOOKS / 1000000;

	return watch->patience ? (int)(pause + !pause) : -1;
}
