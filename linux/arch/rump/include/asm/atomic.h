/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_ATOMIC_H
#define _ASM_RUMP_ATOMIC_H
#include <cpu/atomic.h>
#endif
