/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_CMPXCHG_H
#define _CPU_CMPXCHG_H
#include <../arch/arm64/include/asm/cmpxchg.h>

/*
 * The tree waits for a word to change by sleeping in the processor until somebody writes it. Here that somebody may be
 * a virtual CPU that nobody carries, and an interrupt is a word, too: wait as in any other loop.
 */
#undef __cmpwait_relaxed
#define __cmpwait_relaxed(ptr, val) cpu_relax()
#endif
