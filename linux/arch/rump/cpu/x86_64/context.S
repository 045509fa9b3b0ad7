/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outermost frame of every stack of the kernel's
 *
 * The frame pointer is &rump_top.cpu there, what that points to begins with a frame record, {host_sp, link}, and host_sp
 * points to the record that cpu_switch() left on the carrier's stack. So who follows frame pointers comes from the kernel
 * to the system call that it serves, past one address that is none of code: what rump_top has beside the pointer. The
 * description below says the same to who unwinds by DWARF. A "signal frame": what it goes back to is no return address,
 * and lies on another stack.
 */
#include <linux/linkage.h>

#define DW_CFA_def_cfa_expression 0x0f
#define DW_OP_deref 0x06
#define DW_OP_plus_uconst 0x23
#define DW_OP_breg6 0x76 /* %rbp */

	.cfi_sections .debug_frame

SYM_CODE_START(rump_context_entry)
	.cfi_startproc
	.cfi_signal_frame
	/* *(*%rbp) + 16: the record left by cpu_switch() has been popped then. */
	.cfi_escape DW_CFA_def_cfa_expression, 6, DW_OP_breg6, 0, DW_OP_deref, DW_OP_deref, DW_OP_plus_uconst, 16
	.cfi_offset rbp, -16
	.cfi_offset rip, -8
	popq	%rax
	call	*%rax
SYM_INNER_LABEL(rump_context_link, SYM_L_GLOBAL)
	ud2
	.cfi_endproc
SYM_CODE_END(rump_context_entry)

	.section .note.GNU-stack, "", @progbits
