/* SPDX-License-Identifier: BSD-2-Clause */
/* What librumpus needs of its host beside hypercalls: one implementation a platform, lib/<platform>/host.c. */
#ifndef LIB_HOST_H
#define LIB_HOST_H

#include <rumpus/hyp_file.h>

#include <stdbool.h>
#include <stdint.h>

/** enum host_gate - values of *host_gate */
enum host_gate {
	HOST_GATE_CLOSED = 0,	  /* not initialized, or this is a forked child */
	HOST_GATE_ASYMMETRIC = 1, /* host_fence_all() orders the accesses of all threads */
	HOST_GATE_FENCED = 2,	  /* every thread must fence by itself */
};

/** host_gate - how threads pass the gate; reads as HOST_GATE_CLOSED in a forked child */
extern const volatile uint32_t *host_gate;

/** host_init() - prepare the gate; once, or any number of times. Return: 0, -ENOMEM, -ESHUTDOWN in a forked child */
int host_init(void);

/** host_forked() - this is a child of the process that used the library */
bool host_forked(void);

/**
 * host_fence_all() - a full memory barrier on every thread of this process
 *
 * With HOST_GATE_FENCED only on the calling one; the others then fence at the gate.
 */
void host_fence_all(void);

/**
 * host_image_open() - open the kernel image
 * @path: the owner's wish, or NULL for the environment's, the embedded or the installed one
 * @file: out: close it
 * @name: out: what was opened or, on failure, looked for last; at most @size bytes
 * Return: 0, or as hyp_file_open()
 */
int host_image_open(const char *path, struct hyp_file **file, char *name, size_t size);

/**
 * host_components_open() - open the directory that holds a kernel's components
 * @path:    the owner's wish, "" for none; NULL: the environment's, else the one beside the image, if there is one
 * @image:   path of the image
 * @release: of the kernel: the name of the directory beside the image
 * @dir:     out: close it; NULL when there is none
 * @name:    out: what was opened or, on failure, looked for; "" when there is none; at most @size bytes
 * Return: 0, or as hyp_file_open() for one that was named
 */
int host_components_open(const char *path, const char *image, const char *release, struct hyp_file **dir, char *name,
			 size_t size);

/**
 * host_log_open() - open the file that the environment names for the messages of kernels
 * @log: out: its handle; -1: none is wanted
 * Return: 0, or a negative errno: it cannot be opened
 */
int host_log_open(int *log);

/** host_log_write() - append @len bytes, on any thread of a kernel's; what cannot be written is lost */
void host_log_write(int log, const char *text, size_t len);

void host_log_close(int log);

#endif
