/* SPDX-License-Identifier: GPL-2.0-only */
/* Older system calls that this CPU's table still has */
#define __ARCH_WANT_NEW_STAT
#define __ARCH_WANT_SYS_CLONE
#define __ARCH_WANT_SYS_CLONE3
