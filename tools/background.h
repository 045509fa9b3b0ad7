/* SPDX-License-Identifier: BSD-2-Clause */
/* A command that returns to its caller when it is ready and goes on behind its back. */
#ifndef TOOLS_BACKGROUND_H
#define TOOLS_BACKGROUND_H

/**
 * background_fork() - from here on a child does the command
 *
 * This process waits until it calls background_ready(), or ends, and ends with status 0, or its own.
 * Return: in the child: descriptor for background_ready(), or a negative errno in the one process that there is
 */
int background_fork(void);
/** background_ready() - the command's caller may go on: leave terminal, session and directory; closes @fd */
void background_ready(int fd);

#endif
