/* SPDX-License-Identifier: GPL-2.0-only */
/* The place where a faulting kernel goes on */
#include <linux/linkage.h>

/*
 * A thread whose exception had no landing comes here, on the stack that it had: keep clear of its red zone.
 */
SYM_FUNC_START(rump_oops_entry)
	subq	$128, %rsp
	andq	$-16, %rsp
	call	rump_oops
	ud2
SYM_FUNC_END(rump_oops_entry)

/* The same for a kernel that has no more to say. */
SYM_FUNC_START(rump_lost_entry)
	subq	$128, %rsp
	andq	$-16, %rsp
	call	rump_lost
	ud2
SYM_FUNC_END(rump_lost_entry)

	.section .note.GNU-stack, "", @progbits
