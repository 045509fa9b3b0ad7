// SPDX-License-Identifier: BSD-2-Clause
/*
 * Serves the test kernel: proxy_server URL. Says "ready" on standard output; when standard input ends, waits for all
 * processes inside to end, says how many are left, and exits.
 */
#include <stdio.h>
#include <unistd.h>

#include "proxy_kernel.h"
#include "rumpuser.h"

/* Of the sanitizers, when they are linked */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

#define PATIENCE 500 /* times 10 ms */

int main(int argc, char **argv)
{
	char byte;
	int i;

	if (argc != 2 || kernel_start(2) || rumpuser_sp_init(argv[1], KERNEL_NAME_STRING, "1.0", "none"))
		return 1;
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (i = 0; i < PATIENCE && kernel_processes(false); i++)
		usleep(10000);
	printf("%u processes left\n", kernel_processes(false));
	fflush(stdout);
	if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
		_exit(98);
	/* Threads of the proxy are still there. */
	_exit(kernel_processes(false) != 0);
}
