/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls of the make-believe kernel that tests load instead of Linux; numbers are its own. */
#ifndef TESTS_LIB_FAKE_H
#define TESTS_LIB_FAKE_H

enum fake_call {
	FAKE_SUM,	      /* six numbers: their sum by weight 1 to 6 */
	FAKE_THREAD,	      /* identity of the calling thread in the kernel */
	FAKE_PROCESS,	      /* number of its process; 1 is the first */
	FAKE_COUNT_THREADS,   /* attached now */
	FAKE_COUNT_PROCESSES, /* living now */
	FAKE_SLEEP,	      /* until thread_interrupt() (-EINTR) or halt() (-ESHUTDOWN) */
	FAKE_BLOCK,	      /* until halt(); ignores interruption */
	FAKE_CALL,	      /* calls function args[0] with args[1] and returns what it does */
	FAKE_READ_FAULTY,     /* byte at args[0], or -EFAULT, through the fault upcall */
	FAKE_DIE,	      /* end the kernel with reason args[0] */
	FAKE_DATA,	      /* whether relocated and zeroed data are right, and count of calls before */
	FAKE_ATTACHED_EVER,   /* threads that were attached since boot */
	FAKE_TIMER,	      /* arm timer 0 and wait for its upcall; returns 1 */
	FAKE_REMOTE,	      /* read one byte at args[0] of the process's own memory */
	FAKE_INTERRUPTS,      /* calls of thread_interrupt() */
	FAKE_SLEEPERS,	      /* threads in FAKE_SLEEP or FAKE_BLOCK */
	FAKE_SPIN,	      /* stay inside for args[0] microseconds, also when halted */
};

#endif
