/* SPDX-License-Identifier: BSD-2-Clause */
/* What the loader must know about x86-64. */
#ifndef LIB_ARCH_MACHINE_H
#define LIB_ARCH_MACHINE_H

enum {
	MACHINE_ELF = 62,     /* EM_X86_64 */
	MACHINE_NONE = 0,     /* R_X86_64_NONE */
	MACHINE_RELATIVE = 8, /* R_X86_64_RELATIVE */
};

#endif
