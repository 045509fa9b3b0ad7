/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_BARRIER_H
#define _ASM_RUMP_BARRIER_H
#ifndef __ASSEMBLY__
#include <asm/relax.h>
#endif
#include <cpu/barrier.h>
#include <asm-generic/barrier.h>
#endif
