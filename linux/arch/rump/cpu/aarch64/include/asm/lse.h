/* SPDX-License-Identifier: GPL-2.0-only */
/* For the tree's atomics, which include each other by this name */
#include <../arch/arm64/include/asm/lse.h>
