/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host's CPU decides of the files that the kernel loads: modules. No program is ever loaded. */
#ifndef _ASM_RUMP_ELF_H
#define _ASM_RUMP_ELF_H
#include <asm/ptrace.h>
#include <cpu/elf.h>
#define ELF_CLASS ELFCLASS64
#define ELF_DATA ELFDATA2LSB
#define ELF_ARCH CPU_ELF_MACHINE
#define ELF_EXEC_PAGESIZE PAGE_SIZE
#define ELF_ET_DYN_BASE (TASK_SIZE / 3 * 2)
#define ELF_HWCAP 0
#define ELF_PLATFORM NULL
#define ELF_PLAT_INIT(regs, load_addr) do { } while (0)
#define elf_check_arch(header) ((header)->e_machine == ELF_ARCH)
#define ELF_NGREG 8
typedef unsigned long elf_greg_t;
typedef elf_greg_t elf_gregset_t[ELF_NGREG];
typedef struct {
	int none;
} elf_fpregset_t;
#endif
