// SPDX-License-Identifier: BSD-2-Clause
/* Registers of an interrupted thread on x86-64 */
#include <ucontext.h>

#include "../../posix.h"

void posix_context_read(const void *context, uintptr_t *pc, uintptr_t *sp)
{
	const ucontext_t *uc = context;

	*pc = uc->uc_mcontext.gregs[REG_RIP];
	*sp = uc->uc_mcontext.gregs[REG_RSP];
}

void posix_context_set_pc(void *context, uintptr_t pc)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_RIP] = pc;
}

const sigset_t *posix_context_mask(const void *context)
{
	return &((const ucontext_t *)context)->uc_sigmask;
}
