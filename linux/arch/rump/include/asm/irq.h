/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_IRQ_H
#define _ASM_RUMP_IRQ_H
#define NR_IRQS 64
#define NR_IRQS_LEGACY NR_IRQS /* all of them exist from the start */
#include <asm-generic/irq.h>
#endif
