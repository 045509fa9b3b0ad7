/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#include <../arch/arm64/include/uapi/asm/auxvec.h>
