/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_ELF_H
#define _CPU_ELF_H
/* Of modules: those that the compiler makes for this CPU. */
#define CPU_ELF_MACHINE EM_AARCH64
#endif
