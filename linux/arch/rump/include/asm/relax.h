/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_RELAX_H
#define _ASM_RUMP_RELAX_H
/* Waiting loops of the kernel let interrupts in, and the host run who they wait for. */
void rump_relax(void);
#define cpu_relax() rump_relax()
#endif
