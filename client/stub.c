// SPDX-License-Identifier: BSD-2-Clause
/* rumpclient: system calls by name, which programs that are built with NetBSD's headers make */
#include <errno.h>

#include <rump/rumpclient.h>

#include "stub.h"

enum { NB_PIPE = 42 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "narrow arguments are in the first bytes of their places");

long client_stub(int number, const void *arguments, size_t size)
{
	register_t retval[2] = { 0, 0 };
	int error = rumpclient_syscall(number, arguments, size, retval);

	if (!error)
		return retval[0];
	errno = error;
	return -1;
}

int client_stub_error(int number, const void *arguments, size_t size)
{
	register_t retval[2] = { 0, 0 };
	int error = rumpclient_syscall(number, arguments, size, retval);

	return error ? error : (int)retval[0];
}

#pragma GCC visibility push(default)

int rump_sys_pipe(int *fds);

/* The only one with two results */
int rump_sys_pipe(int *fds)
{
	register_t retval[2] = { 0, 0 };
	int error = rumpclient_syscall(NB_PIPE, NULL, 0, retval);

	if (error) {
		errno = error;
		return -1;
	}
	fds[0] = (int)retval[0];
	fds[1] = (int)retval[1];
	return 0;
}
