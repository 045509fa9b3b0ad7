/* SPDX-License-Identifier: BSD-2-Clause */
/* The small kernel for remote clients, inside: what its system calls know of processes, and the other way round. */
#ifndef TESTS_RUMPUSER_PROXY_CALLS_H
#define TESTS_RUMPUSER_PROXY_CALLS_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct process - of a client
 * @client:    as rumpuser(3) knows it
 * @lwps:      how many
 * @announced: waits for the child that it is made for, perhaps in vain
 * @leaving:   lwps other than the one that said so are to leave
 */
struct process {
	struct process *next;
	pid_t pid, ppid;
	void *client;
	unsigned int lwps;
	bool announced;
	bool leaving;
	long value;
	char name[64];
};

/** process_current() - of the calling thread, which has a virtual CPU */
struct process *process_current(void);

/** calls_init() - once the hypercalls work */
void calls_init(void);

/** calls_run() - the upcall for a system call. Return: 0 or an errno */
int calls_run(int number, void *arguments, long *retval);

/** calls_leave() - let calls of @p that sleep end with EINTR */
void calls_leave(struct process *p);

#endif
