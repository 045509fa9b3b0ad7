// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: fstat(3) by the system call that takes a descriptor alone
 *
 * The C library makes it of newfstatat(2), which also takes names: the sandbox would have to let names through, and no
 * filter can look at them. libblkid.a, which is linked into this program, comes here instead.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int fstat(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}
