/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_ELF_H
#define _CPU_ELF_H
/* Of modules: those that the compiler makes for this CPU. */
#define CPU_ELF_MACHINE EM_X86_64

/* Relocations in the code and data that it makes. */
#define R_X86_64_NONE 0
#define R_X86_64_64 1
#define R_X86_64_PC32 2
#define R_X86_64_PLT32 4
#define R_X86_64_PC64 24
#define R_X86_64_GOTPCRELX 41
#endif
