/* SPDX-License-Identifier: GPL-2.0-only */
/* <stdbool.h> for the hypercall contracts, out of the kernel's own types */
#include <linux/types.h>
