/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_SIGNAL_H
#define _ASM_RUMP_SIGNAL_H
#define _NSIG 64
#define _NSIG_BPW 64
#define _NSIG_WORDS (_NSIG / _NSIG_BPW)
#ifndef __ASSEMBLY__
#include <linux/types.h>
typedef unsigned long old_sigset_t;
typedef struct {
	unsigned long sig[_NSIG_WORDS];
} sigset_t;
#define __ARCH_HAS_SA_RESTORER
#endif
#include <uapi/asm/signal.h>
#ifndef __ASSEMBLY__
#include <uapi/asm/sigcontext.h>
#endif
#endif
