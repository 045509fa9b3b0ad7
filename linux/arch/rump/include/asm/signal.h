/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_SIGNAL_H
#define _ASM_RUMP_SIGNAL_H
#include <cpu/signal.h>
#ifndef __ASSEMBLY__
#include <uapi/asm/sigcontext.h>
#endif
#endif
