// SPDX-License-Identifier: BSD-2-Clause
/* Registers of an interrupted thread on x86-64 */
#include <ucontext.h>

#include "../../posix.h"

#define ERROR_WRITE 2 /* of a page fault's error code; other exceptions have other codes, and nobody asks then */

void posix_context_read(const void *context, struct hyp_fault *fault)
{
	const ucontext_t *uc = context;

	fault->pc = uc->uc_mcontext.gregs[REG_RIP];
	fault->sp = uc->uc_mcontext.gregs[REG_RSP];
	fault->write = uc->uc_mcontext.gregs[REG_ERR] & ERROR_WRITE;
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
