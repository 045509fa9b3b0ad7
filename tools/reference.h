/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that others are to be like: --reference of chmod, chown and truncate, -r of touch, -newer of find. */
#ifndef TOOLS_REFERENCE_H
#define TOOLS_REFERENCE_H

#include "command.h"

/** struct reference - @st: what it has, following symbolic links; of a host file as soon as it is taken */
struct reference {
	struct operand operand;
	struct statx st;
};

/** reference_take() - parent: IMAGE:/PATH, or a file of the host, but not in a shell. Return: EXIT_DONE, EXIT_PROBLEM, EXIT_USAGE */
int reference_take(struct command *command, const char *text, struct reference *reference);
/** reference_read() - worker: the same, now that images are mounted. Return: 0; negative errno after a message */
int reference_read(struct worker *worker, struct reference *reference);

#endif
