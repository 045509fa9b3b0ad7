/* SPDX-License-Identifier: GPL-2.0-only */
/* The place where a faulting kernel goes on */
#include <linux/linkage.h>

/* A thread whose exception had no landing comes here, on the stack that it had. */
SYM_FUNC_START(rump_oops_entry)
	mov	x9, sp
	and	sp, x9, #~15
	bl	rump_oops
	udf	#0
SYM_FUNC_END(rump_oops_entry)

/* The same for a kernel that has no more to say. */
SYM_FUNC_START(rump_lost_entry)
	mov	x9, sp
	and	sp, x9, #~15
	bl	rump_lost
	udf	#0
SYM_FUNC_END(rump_lost_entry)

	.section .note.GNU-stack, "", %progbits
