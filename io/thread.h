/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of backends */
#ifndef IO_THREAD_H
#define IO_THREAD_H

#include <pthread.h>

/**
 * io_thread_create() - start a joinable thread that blocks all signals, so that none of the embedding program's
 * handlers ever runs on it
 * @name: for the host's tools; at most 15 characters
 * Return: 0, -HYP_EAGAIN
 */
int io_thread_create(pthread_t *thread, const char *name, void *(*fn)(void *arg), void *arg);

#endif
