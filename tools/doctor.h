/* SPDX-License-Identifier: BSD-2-Clause */
/* What this machine can and cannot do for rumpus: each check tries the real thing. */
#ifndef TOOLS_DOCTOR_H
#define TOOLS_DOCTOR_H

#include "command.h"

/** enum finding_state - @LIMITED: it works, but not as well as it could */
enum finding_state {
	FINDING_OK,
	FINDING_LIMITED,
	FINDING_MISSING,
};

/**
 * struct finding - of one check; begins as "ok" without words
 * @detail: what was seen
 * @remedy: what helps; empty when nothing needs help
 */
struct finding {
	enum finding_state state;
	char detail[1200];
	char remedy[512];
};

/**
 * struct check - one line of the table
 * @needed: without it the command does not run
 */
struct check {
	const char *name;
	bool needed;
	void (*run)(struct finding *finding);
};

/** finding_set() - state and remedy (NULL: none), and the detail by a format */
void finding_set(struct finding *finding, enum finding_state state, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

extern const struct check doctor_sandbox_checks[], doctor_host_checks[]; /* end with one without a name */

/* doctor_try.c: a whole worker, with its sandbox and its kernel */
/** doctor_try_kernel() - boot it */
void doctor_try_kernel(struct finding *finding);
/** doctor_try_image() - mount it, changing nothing, and see whether it could be written to */
void doctor_try_image(const struct options *options, const char *path, struct finding *finding);

#endif
