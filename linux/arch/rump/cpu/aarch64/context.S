/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outermost frame of every stack of the kernel's
 *
 * The frame pointer is &rump_top.cpu there, what that points to begins with a frame record, {host_sp, link}, and host_sp
 * points to the record that cpu_switch() left on the carrier's stack; cpu/x86_64/context.S says more. A "signal frame":
 * what it goes back to is no return address, and lies on another stack.
 */
#include <linux/linkage.h>

#define DW_CFA_def_cfa_expression 0x0f
#define DW_OP_deref 0x06
#define DW_OP_plus_uconst 0x23
#define DW_OP_breg29 0x8d

	.cfi_sections .debug_frame

SYM_CODE_START(rump_context_entry)
	.cfi_startproc
	.cfi_signal_frame
	/* *(*x29) + 16: the record left by cpu_switch() has been popped then. */
	.cfi_escape DW_CFA_def_cfa_expression, 6, DW_OP_breg29, 0, DW_OP_deref, DW_OP_deref, DW_OP_plus_uconst, 16
	.cfi_offset x29, -16
	.cfi_offset x30, -8
	ldr	x9, [sp], #16
	blr	x9
SYM_INNER_LABEL(rump_context_link, SYM_L_GLOBAL)
	udf	#0
	.cfi_endproc
SYM_CODE_END(rump_context_entry)

	.section .note.GNU-stack, "", %progbits
