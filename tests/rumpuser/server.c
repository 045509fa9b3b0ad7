// SPDX-License-Identifier: BSD-2-Clause
/* The test kernel as a server of remote clients */
#include "suite.h"

int kernel_syscall(int num, void *arg, long *retval)
{
	return 78;
}

void kernel_lwpexit(void)
{
}

void kernel_execnotify(const char *comm)
{
}
