/* SPDX-License-Identifier: BSD-2-Clause */
/* What NetBSD's system calls by name are made of; build/client/stubs.c has them */
#ifndef CLIENT_STUB_H
#define CLIENT_STUB_H

#include <stddef.h>
#include <stdint.h>

/**
 * client_stub() - make a system call and report it as programs expect
 * @number:    NetBSD's
 * @arguments: one after the other, 8 bytes each; what is narrower in the low ones
 * @size:      bytes
 * Return: the first result; -1, and a NetBSD errno in errno
 */
long client_stub(int number, const void *arguments, size_t size);

/** client_stub_error() - of a call that returns its error itself. Return: 0 or a NetBSD errno; errno stays as it was */
int client_stub_error(int number, const void *arguments, size_t size);

#endif
