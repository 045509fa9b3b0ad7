/* SPDX-License-Identifier: GPL-2.0-only */
/* Host threads change the word while we look at it, so only atomic instructions will do. */
#ifndef _ASM_RUMP_FUTEX_H
#define _ASM_RUMP_FUTEX_H
#include <linux/futex.h>
#include <linux/uaccess.h>

/* A remote address space offers no atomic access to its words. */
static inline int futex_atomic_cmpxchg_inatomic(u32 *was, u32 __user *address, u32 old, u32 new)
{
	int err;

	if (rump_user_is_remote())
		return -ENOSYS;
	err = cpu_cmpxchg_user((u32 __force *)address, &old, new);
	if (!err)
		*was = old;
	return err;
}

static inline int arch_futex_atomic_op_inuser(int op, u32 operand, int *was, u32 __user *address)
{
	u32 old, new, seen;
	int err;

	if (rump_user_is_remote())
		return -ENOSYS;
	err = cpu_load_user(sizeof(old), (const void __force *)address, &old);
	while (!err) {
		switch (op) {
		case FUTEX_OP_SET:
			new = operand;
			break;
		case FUTEX_OP_ADD:
			new = old + operand;
			break;
		case FUTEX_OP_OR:
			new = old | operand;
			break;
		case FUTEX_OP_ANDN:
			new = old & ~operand;
			break;
		case FUTEX_OP_XOR:
			new = old ^ operand;
			break;
		default:
			return -ENOSYS;
		}
		seen = old;
		err = cpu_cmpxchg_user((u32 __force *)address, &seen, new);
		if (!err && seen == old) {
			*was = old;
			return 0;
		}
		old = seen;
	}
	return err;
}
#endif
