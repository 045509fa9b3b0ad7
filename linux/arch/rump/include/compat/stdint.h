/* SPDX-License-Identifier: GPL-2.0-only */
/* <stdint.h> for the hypercall contracts, out of the kernel's own types */
#ifndef _RUMP_COMPAT_STDINT_H
#define _RUMP_COMPAT_STDINT_H
#include <linux/types.h>
#include <linux/limits.h>
#define UINT64_MAX U64_MAX
#endif
