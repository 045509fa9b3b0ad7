/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way into the kernel and out of it again
 *
 * All inline: from the host's side of a call to the task that serves it and back there is no call or return that the
 * processor would see without its counterpart. That makes half of the speed of a short system call.
 */
#ifndef _RUMP_CARRY_H
#define _RUMP_CARRY_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include "rump.h"

static __always_inline bool rump_cpu_has_work(const struct rump_cpu *cpu)
{
	return READ_ONCE(cpu->pending) || READ_ONCE(cpu->work);
}

/** rump_cpu_try_enter() - take the CPU's token for @me if it is free; a full barrier when it was */
static __always_inline bool rump_cpu_try_enter(struct rump_cpu *cpu, const struct rump_carrier *me)
{
	return !READ_ONCE(cpu->token) && cmpxchg(&cpu->token, 0, READ_ONCE(me->host) ?: RUMP_TOKEN_UNKNOWN) == 0;
}

/**
 * rump_cpu_release() - give the token back, a full barrier; see the top of cpu.c for the order of things
 *
 * A thread that does so and goes away calls rump_cpu_depart() then; one that stays looks for work itself.
 */
static __always_inline void rump_cpu_release(struct rump_cpu *cpu)
{
	xchg(&cpu->token, 0);
}

/** rump_cpu_depart() - go away: somebody else is to see to what there is to do */
static __always_inline void rump_cpu_depart(struct rump_cpu *cpu)
{
	if (unlikely(rump_cpu_has_work(cpu)) && !READ_ONCE(cpu->token))
		rump_unpark(READ_ONCE(cpu->idler));
}

/**
 * rump_cpu_carry() - be the CPU until the kernel leaves this thread; the token is held, and free afterwards
 * @me: what the CPU knows this thread by
 */
static __always_inline void rump_cpu_carry(struct rump_cpu *cpu, struct rump_carrier *me)
{
	cpu->carrier = me;
	cpu_switch(&cpu->host_sp, cpu->kernel_sp);
	rump_cpu_release(cpu);
}

/**
 * rump_leave() - kernel side: give the carrier back to the host; interrupts are disabled
 * @user: the caller that is current and in "user mode" now, or NULL
 * @work: tasks could run: someone else is to carry on at once
 *
 * Returns when somebody carries the CPU again.
 */
static __always_inline void rump_leave(struct rumpus_image_thread *user, bool work)
{
	struct rump_cpu *cpu = rump_top()->cpu;

	cpu->user = user;
	cpu->work = work;
	cpu->stale = 0;
	cpu_switch(&cpu->kernel_sp, cpu->host_sp);
	/* A carrier looks at these with the token held: clear them for the next one. */
	cpu->user = NULL;
	cpu->work = false;
}

/**
 * rump_host_begin() - what follows runs code of the host's that may take long, or call the image on this stack
 *
 * Such code must not be cut off, by an interrupt or by the kernel's end.
 */
static __always_inline void rump_host_begin(void)
{
	WRITE_ONCE(rump_top()->cpu->in_host, rump_top()->cpu->in_host + 1);
	barrier();
}

/** rump_host_end() - it is over; does not return when the kernel has ended meanwhile */
static __always_inline void rump_host_end(void)
{
	barrier();
	WRITE_ONCE(rump_top()->cpu->in_host, rump_top()->cpu->in_host - 1);
	if (unlikely(READ_ONCE(rump_ended)))
		rump_leave_for_good();
}

#endif
