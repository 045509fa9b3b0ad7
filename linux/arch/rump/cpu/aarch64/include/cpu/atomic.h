/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_ATOMIC_H
#define _CPU_ATOMIC_H
/*
 * The tree's own, where they lie: their ordering is what the memory model's tests were made on. Without
 * CONFIG_ARM64_LSE_ATOMICS they are exclusive loads and stores, which every ARMv8 CPU has.
 */
#include <../arch/arm64/include/asm/atomic.h>
#endif
