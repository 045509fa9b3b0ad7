/* SPDX-License-Identifier: BSD-2-Clause */
/* What the loader must know about aarch64. */
#ifndef LIB_ARCH_MACHINE_H
#define LIB_ARCH_MACHINE_H

enum {
	MACHINE_ELF = 183,	 /* EM_AARCH64 */
	MACHINE_NONE = 0,	 /* R_AARCH64_NONE */
	MACHINE_RELATIVE = 1027, /* R_AARCH64_RELATIVE */
};

#endif
