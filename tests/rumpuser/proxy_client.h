/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the system-call proxy share: a server in a process of its own, and calls to it. */
#ifndef TESTS_RUMPUSER_PROXY_CLIENT_H
#define TESTS_RUMPUSER_PROXY_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "proxy_kernel.h"

/**
 * struct server - a running proxy_server
 * @pid:  its process
 * @in:   its standard input; it ends when this is closed
 * @out:  its standard output
 */
struct server {
	pid_t pid;
	int in, out;
};

/** server_start() - run proxy_server, which lies beside this program, and wait until it serves; aborts the test else */
void server_start(struct server *s, const char *url);
/** server_stop() - let it end. Return: whether it was content: no process is left inside */
bool server_stop(struct server *s);
/** server_kill() - end it at once */
void server_kill(struct server *s);

/** call() - a system call with up to 3 arguments. Return: its first value, or a negative errno */
long call(int number, long a, long b, long c);

/** self_path() - the path of this program */
const char *self_path(void);
/** wait_status() - exit status of child @pid, or -1 */
int wait_status(pid_t pid);
/** own_fds() - how many descriptors this process has open */
int own_fds(void);

#endif
