/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_CURRENT_H
#define _ASM_RUMP_CURRENT_H
#include <asm/stacktop.h>
#ifndef __ASSEMBLY__
#define get_current() (rump_top()->task)
#define current get_current()
#endif
#endif
