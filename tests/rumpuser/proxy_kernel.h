/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel with just enough in it for remote clients: processes, lwps, virtual CPUs, and calls that use the proxy. */
#ifndef TESTS_RUMPUSER_PROXY_KERNEL_H
#define TESTS_RUMPUSER_PROXY_KERNEL_H

#include <stdbool.h>

/** Its system calls; arguments are in 8 bytes each, errors are NetBSD's */
enum kernel_call {
	KERNEL_NULL,	  /* () */
	KERNEL_GETPID,	  /* () */
	KERNEL_GETPPID,	  /* () */
	KERNEL_SUM,	  /* (address, size): of the bytes there */
	KERNEL_STRLEN,	  /* (address, room): with terminator */
	KERNEL_FILL,	  /* (address, size, byte) */
	KERNEL_HELLO,	  /* (address, room): writes a string, returns its bytes */
	KERNEL_SLEEP,	  /* (): until KERNEL_WAKE, or EINTR when the process ends; returns 1 */
	KERNEL_WAKE,	  /* (): all sleepers; returns their number */
	KERNEL_SLEEPERS,  /* (): how many */
	KERNEL_MMAP,	  /* (size): in the client; returns the address */
	KERNEL_RAISE,	  /* (NetBSD's signal) */
	KERNEL_NAME,	  /* (address, room): name of the process */
	KERNEL_SET,	  /* (value): a property of the process, which its children get */
	KERNEL_GET,	  /* () */
	KERNEL_PROCESSES, /* (): how many, without those of the kernel */
	KERNEL_FAIL,	  /* (errno) */
	KERNEL_ADD,	  /* (8 numbers): their sum; the second value is the last one */
	KERNEL_REBOOT,	  /* () */
	KERNEL_INVERT,	  /* (address, size): all bits */
	KERNEL_SPIN,	  /* (microseconds): without giving the virtual CPU back */
	KERNEL_OUT_SLEEP, /* (address): writes 1 byte there, then as KERNEL_SLEEP */
	KERNEL_COMPUTE,	  /* (address or 0): reads a byte there, computes until KERNEL_ENOUGH, writes the byte plus 1 */
	KERNEL_COMPUTING, /* (): how many calls do so */
	KERNEL_ENOUGH,	  /* (whether) */
	KERNEL_CALLS,	  /* how many there are */
};

/** What kernel_start() serves for the banner */
#define KERNEL_NAME_STRING "TestOS"
#define KERNEL_HELLO_STRING "hello, client"

/** kernel_start() - be a kernel with @cpus virtual CPUs, on rumpuser(3). Return: 0 or an errno */
int kernel_start(unsigned int cpus);

/** kernel_processes() - how many there are, without the kernel's own; those that wait for their child only if @announced */
unsigned int kernel_processes(bool announced);

#endif
