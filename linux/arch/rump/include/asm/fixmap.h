/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_FIXMAP_H
#define _ASM_RUMP_FIXMAP_H
#endif
