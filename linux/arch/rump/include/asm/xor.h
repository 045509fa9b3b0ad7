/* SPDX-License-Identifier: GPL-2.0-only */
/* The compiler makes vector code of the portable templates; choosing by race at each boot would cost more. */
#include <asm-generic/xor.h>
#define XOR_SELECT_TEMPLATE(fastest) (&xor_block_8regs)
