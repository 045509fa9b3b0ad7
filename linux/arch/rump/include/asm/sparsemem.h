/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_SPARSEMEM_H
#define _ASM_RUMP_SPARSEMEM_H
#define SECTION_SIZE_BITS 25 /* 32 MiB: the step in which memory can grow */
#define MAX_PHYSMEM_BITS 40
#endif
