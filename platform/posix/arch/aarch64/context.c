// SPDX-License-Identifier: BSD-2-Clause
/* Registers of an interrupted thread on aarch64 */
#include <asm/sigcontext.h>
#include <string.h>
#include <ucontext.h>

#include "../../posix.h"

#define SYNDROME_WRITE (1U << 6) /* WnR of a data abort (Arm ARM, ESR_EL1) */

/* Of instructions that load and store (Arm ARM, "Loads and Stores"): their classes by bits 27 to 29, and more bits. */
#define CLASS_SHIFT 27
#define CLASS_MASK 7U
#define CLASS_ORDERED 1U /* exclusive, ordered, compare-and-swap; structures of vectors */
#define CLASS_LITERAL 3U /* relative to the program counter; with SECOND_HALF ordered, too */
#define CLASS_PAIR 5U
#define CLASS_REGISTER 7U
#define VECTOR (1U << 26)
#define SECOND_HALF (1U << 24)
#define LOAD (1U << 22)
#define SIGN_EXTENDING (1U << 23)
#define ZERO_BLOCK 0xd50b7420U /* dc zva, of which the last five bits are a register */

/* Compare and swap, of one register or two: by the bits that tell them from exclusive loads and stores. */
static bool is_compare_and_swap(uint32_t insn)
{
	return !(insn & VECTOR) && !(insn & SECOND_HALF) && (insn & 1U << 21) &&
	       (insn & 1U << 23 || !(insn & 1U << 31));
}

/* Operations on memory of the first Arm v8.1 kind, but for the load among them, ldapr. */
static bool is_operation(uint32_t insn)
{
	return !(insn & VECTOR) && !(insn & SECOND_HALF) && (insn & 1U << 21) && !(insn & 3U << 10) &&
	       (insn >> 12 & 0xf) != 0xc;
}

static bool writes(uint32_t insn)
{
	if ((insn & ~0x1fU) == ZERO_BLOCK)
		return true;
	switch (insn >> CLASS_SHIFT & CLASS_MASK) {
	case CLASS_ORDERED:
		return !(insn & LOAD) || is_compare_and_swap(insn);
	case CLASS_LITERAL:
		return (insn & SECOND_HALF) && !(insn & (LOAD | SIGN_EXTENDING));
	case CLASS_PAIR:
		return !(insn & LOAD);
	case CLASS_REGISTER:
		return is_operation(insn) || !(insn & (insn & VECTOR ? LOAD : LOAD | SIGN_EXTENDING));
	}
	return false;
}

/*
 * The syndrome is one of the records behind the registers. An emulator may not have it: then the instruction tells,
 * which can be read, for it has just been executed.
 */
static bool is_write(const ucontext_t *uc, const struct hyp_fault *fault)
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
	return fault->kind == HYP_FAULT_ACCESS && fault->address != fault->pc && writes(*(const uint32_t *)fault->pc);
}

void posix_context_read(const void *context, struct hyp_fault *fault)
{
	const ucontext_t *uc = context;

	fault->pc = uc->uc_mcontext.pc;
	fault->sp = uc->uc_mcontext.sp;
	fault->write = is_write(uc, fault);
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
