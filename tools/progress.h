/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far a command is: counted by whoever does the work, shown by the parent.
 *
 * Counters lie in memory that both processes have. The parent believes nothing in it: a worker that lies about its
 * progress shows a wrong number, and names are shown without what could control a terminal.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** PROGRESS_NAME - bytes of a name that are kept: more than a terminal is wide */
#define PROGRESS_NAME 256U

/**
 * struct progress - shared
 * @bytes, @files: done so far
 * @total: bytes that there are in all, about; 0: not known
 * @name:  what is being worked on; may be torn, and may lack its end
 */
struct progress {
	_Atomic uint64_t bytes, files, total;
	char name[PROGRESS_NAME];
};

/** progress_use() - from now on calls of this process count there; NULL, the beginning: nothing is counted */
void progress_use(struct progress *progress);
void progress_total(uint64_t bytes);
void progress_bytes(uint64_t bytes);
/** progress_file() - work on another file begins. @name: its path; the end of it is what is kept */
void progress_file(const char *name);

/* progress_bar.c: the parent */
/** progress_bar_start() - show it on standard error as long as that is a terminal, after a second. Never fails. */
void progress_bar_start(const struct progress *progress);
/** progress_bar_pause() - take it away, as something else is to be written to the terminal; may be nested */
void progress_bar_pause(void);
/** progress_bar_resume() - that has been written: the line comes again in its time */
void progress_bar_resume(void);
/** progress_bar_stop() - take it away for good */
void progress_bar_stop(void);

#endif
