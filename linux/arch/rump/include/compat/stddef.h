/* SPDX-License-Identifier: GPL-2.0-only */
/* <stddef.h> for the hypercall contracts, out of the kernel's own types */
#include <linux/types.h>
#include <linux/stddef.h>
