// SPDX-License-Identifier: BSD-2-Clause
/* Registers of an interrupted thread on aarch64 */
#include <asm/sigcontext.h>
#include <string.h>
#include <ucontext.h>

#include "../../posix.h"

#define SYNDROME_WRITE (1U << 6) /* WnR of a data abort (Arm ARM, ESR_EL1) */

/* The syndrome is one of the records behind the registers, where the host gives it. */
static bool is_write(const ucontext_t *uc)
{
	const unsigned char *at = (const unsigned char *)uc->uc_mcontext.__reserved;
	const unsigned char *end = at + sizeof(uc->uc_mcontext.__reserved);
	struct _aarch64_ctx head;
	struct esr_context syndrome;

	for (; at + sizeof(syndrome) <= end; at += head.size) {
		memcpy(&head, at, sizeof(head));
		if (head.magic == ESR_MAGIC) {
			memcpy(&syndrome, at, sizeof(syndrome));
			return syndrome.esr & SYNDROME_WRITE;
		}
		if (!head.magic || head.size < sizeof(head))
			break;
	}
	return false;
}

void posix_context_read(const void *context, struct hyp_fault *fault)
{
	const ucontext_t *uc = context;

	fault->pc = uc->uc_mcontext.pc;
	fault->sp = uc->uc_mcontext.sp;
	fault->write = is_write(uc);
}

void posix_context_set_pc(void *context, uintptr_t pc)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.pc = pc;
}

const sigset_t *posix_context_mask(const void *context)
{
	return &((const ucontext_t *)context)->uc_sigmask;
}
