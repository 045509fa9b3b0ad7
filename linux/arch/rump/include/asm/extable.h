/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_EXTABLE_H
#define _ASM_RUMP_EXTABLE_H
struct exception_table_entry {
	int insn, fixup; /* relative to themselves */
};
#define ARCH_HAS_RELATIVE_EXTABLE
struct pt_regs;
int fixup_exception(struct pt_regs *regs);
#endif
