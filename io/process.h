/* SPDX-License-Identifier: BSD-2-Clause */
/* Other processes of the host, for messages about who is in the way */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/**
 * io_process_name() - what the host calls a process
 * @text: out: "1234 (name)", or "1234" alone where its name is not to be known. The process has chosen it: bytes that
 * may control a terminal are "?"
 * Return: @text
 */
const char *io_process_name(pid_t pid, char *text, size_t size);

#endif
