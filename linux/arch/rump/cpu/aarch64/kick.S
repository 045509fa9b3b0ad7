/* SPDX-License-Identifier: GPL-2.0-only */
/* The places where a thread of the kernel's goes on that was kicked */
#include <linux/linkage.h>

/* A loop that takes no interrupts. The stack pointer is aligned wherever it is used. */
SYM_FUNC_START(rump_stuck_entry)
	bl	rump_stuck
	brk	#0
SYM_FUNC_END(rump_stuck_entry)

/* The kernel has ended, and this thread did not look up. */
SYM_FUNC_START(rump_evict_entry)
	bl	rump_leave_for_good
	brk	#0
SYM_FUNC_END(rump_evict_entry)

	.section .note.GNU-stack, "", %progbits
