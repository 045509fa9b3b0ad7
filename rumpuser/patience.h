/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether to look for a moment, on the processor, if a wait ends soon, before going to sleep.
 *
 * Two threads that answer each other save a sleep and a wake-up that way, which take several times as long as an answer.
 * One whose waits are long looks ever less often, so that it spends next to nothing on it.
 */
#ifndef RUMPUSER_PATIENCE_H
#define RUMPUSER_PATIENCE_H

#include <stdbool.h>

#define RU_PATIENCE_MAX 8

/**
 * struct ru_patience - how waits went; zeroes at the beginning
 * @skip: how many of the next ones go to sleep at once
 * @vain: how often in sequence a look was in vain, at most RU_PATIENCE_MAX
 */
struct ru_patience {
	unsigned int skip;
	unsigned int vain;
};

/** ru_patience_looks() - is this wait one to look at? ru_patience_ended() follows then */
static inline bool ru_patience_looks(struct ru_patience *p)
{
	if (!p->skip)
		return true;
	p->skip--;
	return false;
}

/** ru_patience_ended() - @soon: what was waited for came while looking */
static inline void ru_patience_ended(struct ru_patience *p, bool soon)
{
	if (soon) {
		p->vain = 0;
		return;
	}
	if (p->vain < RU_PATIENCE_MAX)
		p->vain++;
	p->skip = 1U << p->vain;
}

#endif
