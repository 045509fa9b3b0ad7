/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_SIGNAL_H
#define _CPU_SIGNAL_H
/* What this CPU's header for programs leaves to the kernel's own. */
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
#endif
