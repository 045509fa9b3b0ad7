// SPDX-License-Identifier: BSD-2-Clause
/* Refused calls are refused, whether they come by name or by number. */
#include <asm/unistd.h>
#include <errno.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscall_refused.h>
#include <rumpus/syscalls.h>

#include "side.h"
#include "tap.h"

static void by_number(void)
{
	bool all = true;

	for (size_t i = 0; i < sizeof(rumpus_refused) / sizeof(rumpus_refused[0]); i++) {
		long result = rumpus_syscall(rumpus_refused[i].number, 0, 0, 0, 0, 0, 0);

		if (result == -rumpus_refused[i].error)
			continue;
		all = false;
		tap_note("call %u: %ld, expected %d", rumpus_refused[i].number, result, -rumpus_refused[i].error);
	}
	tap_ok(all, "the kernel refuses what the table says");
}

void refused_check(void)
{
	by_number();
	tap_is(rumpus_sys_brk(NULL), -ENOSYS, "brk by name");
	tap_is(rumpus_sys_execve("/bin/sh", NULL, NULL), -ENOSYS, "execve by name");
	tap_is(rumpus_sys_exit_group(0), -ENOSYS, "exit_group by name");
	tap_is(rumpus_sys_restart_syscall(), -EINTR, "restart_syscall by name");
	tap_ok(rumpus_sys_getpid() > 0, "the thread calls on");
}
