/* SPDX-License-Identifier: GPL-2.0-only */
/* A module fits the configuration that it was built with: structures differ between any two. */
#ifndef _ASM_RUMP_VERMAGIC_H
#define _ASM_RUMP_VERMAGIC_H
#include <generated/rump_build_id.h>
#define MODULE_ARCH_VERMAGIC RUMP_BUILD_ID " "
#endif
