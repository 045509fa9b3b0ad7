/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_SMP_H
#define _ASM_RUMP_SMP_H
#include <asm/stacktop.h>
struct cpumask;
#define raw_smp_processor_id() (rump_top()->id)
void arch_smp_send_reschedule(int cpu);
void arch_send_call_function_single_ipi(int cpu);
void arch_send_call_function_ipi_mask(const struct cpumask *mask);
#endif
