/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_CMPXCHG_H
#define _ASM_RUMP_CMPXCHG_H
#include <cpu/cmpxchg.h>
#endif
