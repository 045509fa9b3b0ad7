/* SPDX-License-Identifier: GPL-2.0-only */
/* Where modules lie: behind the image, in its own reservation, so that relative addresses of 32 bits reach all of it. */
#ifndef _ASM_RUMP_MODULES_AREA_H
#define _ASM_RUMP_MODULES_AREA_H

#include <linux/const.h>

#define RUMP_MODULES_SIZE (_AC(64, UL) << 20)

#ifndef __ASSEMBLY__
extern char rump_modules_start[], rump_modules_end[];
extern unsigned long rump_modules_limit; /* how far the mappings of the host reach */
#endif
#endif
