/* SPDX-License-Identifier: GPL-2.0-only */
/* The compiler makes vector code of the portable templates; choosing by race at each boot would cost more. */
#include <asm-generic/xor.h>
#undef XOR_TRY_TEMPLATES
#define XOR_TRY_TEMPLATES xor_speed(&xor_block_8regs)
#define XOR_SELECT_TEMPLATE(fastest) (&xor_block_8regs)
