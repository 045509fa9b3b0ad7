/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least-privilege worker: a child process that holds a rump kernel and descriptors, and nothing else.
 *
 * Order of use, which is the order in which rights are lost:
 *
 *   sandbox_fork()     own namespaces where the host allows it; no other privilege is lost yet
 *   sandbox_confine()  in the child, on its only thread: descriptors, user, capabilities, limits, Landlock
 *   ...                the child opens disks by descriptor, loads and boots the kernel: its threads inherit the above
 *   sandbox_seal()     in the child: the seccomp filter, on all its threads
 *
 * Nothing untrusted may be read before sandbox_seal() has returned.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** enum sandbox_layer - what is active; a host may refuse some */
enum sandbox_layer {
	SANDBOX_NAMESPACES = 1,	  /* mounts, processes, network, System V IPC, host name, cgroups; users unless root */
	SANDBOX_USER = 2,	  /* a real user other than root */
	SANDBOX_CAPABILITIES = 4, /* none left, none to be had */
	SANDBOX_LANDLOCK = 8,	  /* no file can be reached by name */
	SANDBOX_SECCOMP = 16,	  /* an allow-list of system calls */
};

/** SANDBOX_LAYERS - how many layers there are */
#define SANDBOX_LAYERS 5

/**
 * sandbox_layer_name() - one layer, for people
 * @n: 0 to SANDBOX_LAYERS - 1, the bit number in enum sandbox_layer
 */
const char *sandbox_layer_name(unsigned int n);

/**
 * sandbox_fork() - fork(2) into namespaces of the child's own, or without them when the host refuses
 * @layers: out, in both processes: SANDBOX_NAMESPACES or 0
 * Return: as fork(2), with a negative errno for failure
 */
pid_t sandbox_fork(unsigned int *layers);
/**
 * sandbox_fork_resident() - the same for a child that lives long: with the host's table of mounts
 *
 * In a table of its own, a copy, everything would stay mounted that was when it began, where the host's mounts are private.
 * It can reach none of it either way: neither by Landlock nor by the filter.
 */
pid_t sandbox_fork_resident(unsigned int *layers);

/**
 * struct sandbox_config - what the child keeps
 * @keep:        descriptors to stay open, in ascending order; all others are closed, standard ones included
 * @keep_count:  how many
 * @readable:    of them: what may be opened again by name until sandbox_seal(), a kernel image, and the directories below
 *               which that holds for all files, its components
 * @readable_count: how many
 */
struct sandbox_config {
	const int *keep;
	size_t keep_count;
	const int *readable;
	size_t readable_count;
};

/**
 * sandbox_confine() - give up everything that can be given up before the threads of the kernel exist
 * @layers: in, out: adds what became active
 *
 * Also: the child is killed when the thread that forked it ends, dumps no core, and ignores the terminal's signals.
 * Return: 0, or a negative errno when something that every host offers has failed: do not go on.
 */
int sandbox_confine(const struct sandbox_config *config, unsigned int *layers);

/**
 * sandbox_seal() - restrict every thread of this process to the system calls of a kernel at work
 * @config: as before; @readable is out of reach from now on
 * @layers: in, out: adds what became active
 * Return: 0, or a negative errno: do not go on.
 */
int sandbox_seal(const struct sandbox_config *config, unsigned int *layers);

/**
 * sandbox_refusal() - the error of one of the above, for people
 * @error: what it returned
 * @text:  out: the system call that the host refuses, why, and the remedy
 * @size:  of @text
 */
void sandbox_refusal(int error, char *text, size_t size);

/**
 * sandbox_refused() - for the parts: note that a call was refused
 * @call: its name, which lives for ever
 * Return: a negative errno, from errno
 */
int sandbox_refused(const char *call);

/* The parts, one a file. */
int sandbox_landlock(const int *readable, size_t count);
int sandbox_filter(void);

#endif
