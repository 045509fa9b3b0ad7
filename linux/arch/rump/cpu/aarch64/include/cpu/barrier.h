/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_BARRIER_H
#define _CPU_BARRIER_H
#include <../arch/arm64/include/asm/barrier.h>
#endif
