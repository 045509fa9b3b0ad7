/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of backends */
#ifndef IO_THREAD_H
#define IO_THREAD_H

#include <pthread.h>

#include "spec.h"

/**
 * io_thread_create() - start a joinable thread that blocks all signals, so that none of the embedding program's
 * handlers ever runs on it
 * @name: for the host's tools; at most 15 characters
 * Return: 0, -HYP_EAGAIN, -HYP_ENOMEM when there is no memory for its stack
 */
int io_thread_create(pthread_t *thread, const char *name, void *(*fn)(void *arg), void *arg);

/**
 * io_threads_refused() - leave the message for an error of io_thread_create(), or of what calls it
 * @name: of what has no threads now
 * Return: @error
 */
int io_threads_refused(struct io_spec *spec, int error, const char *name);

/** io_memory_remedy() - what to do when the host refuses memory to write to: which limit to raise, if there is one */
const char *io_memory_remedy(void);

#endif
