/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_PERCPU_H
#define _ASM_RUMP_PERCPU_H
#include <asm/stacktop.h>
#define __my_cpu_offset (rump_top()->percpu)
#include <asm-generic/percpu.h>

/*
 * Interrupts come at known places only and nothing is preempted, so that a plain operation on a variable of this CPU
 * is whole for all who could see it in part.
 */
#undef this_cpu_generic_read
#define this_cpu_generic_read(pcp) raw_cpu_generic_read(pcp)
#undef this_cpu_generic_to_op
#define this_cpu_generic_to_op(pcp, val, op) raw_cpu_generic_to_op(pcp, val, op)
#undef this_cpu_generic_add_return
#define this_cpu_generic_add_return(pcp, val) raw_cpu_generic_add_return(pcp, val)
#undef this_cpu_generic_xchg
#define this_cpu_generic_xchg(pcp, val) raw_cpu_generic_xchg(pcp, val)
#undef this_cpu_generic_try_cmpxchg
#define this_cpu_generic_try_cmpxchg(pcp, old, new) raw_cpu_generic_try_cmpxchg(pcp, old, new)
#undef this_cpu_generic_cmpxchg
#define this_cpu_generic_cmpxchg(pcp, old, new) raw_cpu_generic_cmpxchg(pcp, old, new)
#endif
