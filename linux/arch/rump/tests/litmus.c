// SPDX-License-Identifier: GPL-2.0-only
/*
 * Litmus tests of this CPU's barriers and atomic operations, in the kernel's own words
 *
 * Calls nothing and needs nothing but its argument. tests/linux/litmus.c runs the threads against each other;
 * tests/linux/ordering.py reads the instructions of the functions in here, by their names.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <asm/barrier.h>
#include "litmus.h"

#define ANY -1

/* ---- message passing: who sees the flag sees the message ---- */

static noinline void mp_write_release(struct litmus_state *s)
{
	WRITE_ONCE(s->x.value, 1);
	smp_store_release(&s->y.value, 1);
}

static noinline void mp_read_acquire(struct litmus_state *s)
{
	s->r[0] = smp_load_acquire(&s->y.value);
	s->r[1] = READ_ONCE(s->x.value);
}

static noinline void mp_write_wmb(struct litmus_state *s)
{
	WRITE_ONCE(s->x.value, 1);
	smp_wmb();
	WRITE_ONCE(s->y.value, 1);
}

static noinline void mp_read_rmb(struct litmus_state *s)
{
	s->r[0] = READ_ONCE(s->y.value);
	smp_rmb();
	s->r[1] = READ_ONCE(s->x.value);
}

static noinline void mp_write_xchg_release(struct litmus_state *s)
{
	WRITE_ONCE(s->x.value, 1);
	xchg_release(&s->y.value, 1);
}

static noinline void mp_read_cmpxchg_acquire(struct litmus_state *s)
{
	s->r[0] = cmpxchg_acquire(&s->y.value, 1, 2);
	s->r[1] = READ_ONCE(s->x.value);
}

/* ---- store buffering: of two that write and then look, one sees the other ---- */

static noinline void sb_none_0(struct litmus_state *s)
{
	WRITE_ONCE(s->x.value, 1);
	s->r[0] = READ_ONCE(s->y.value);
}

static noinline void sb_none_1(struct litmus_state *s)
{
	WRITE_ONCE(s->y.value, 1);
	s->r[1] = READ_ONCE(s->x.value);
}

#define SB(name, order)								\
static noinline void sb_##name##_0(struct litmus_state *s)			\
{										\
	int *other = &s->other[0].value;					\
										\
	WRITE_ONCE(s->x.value, 1);						\
	order;									\
	s->r[0] = READ_ONCE(s->y.value);					\
}										\
static noinline void sb_##name##_1(struct litmus_state *s)			\
{										\
	int *other = &s->other[1].value;					\
										\
	WRITE_ONCE(s->y.value, 1);						\
	order;									\
	s->r[1] = READ_ONCE(s->x.value);					\
}

SB(mb, (void)other; smp_mb())
SB(xchg, xchg(other, 1))
SB(cmpxchg, cmpxchg(other, 0, 1))
SB(add_return, (void)atomic_add_return(1, (atomic_t *)other))
SB(fetch_or, (void)atomic_fetch_or(1, (atomic_t *)other))
SB(set_bit, (void)test_and_set_bit(0, (unsigned long *)other))
SB(after_atomic, atomic_inc((atomic_t *)other); smp_mb__after_atomic())
SB(before_atomic, smp_mb__before_atomic(); atomic_inc((atomic_t *)other))

/* The two of rump_raise() and rump_cpu_release(): the store itself is the operation that orders. */
static noinline void sb_raise(struct litmus_state *s)
{
	(void)test_and_set_bit(0, (unsigned long *)&s->x.value);
	s->r[0] = READ_ONCE(s->y.value);
}

static noinline void sb_release(struct litmus_state *s)
{
	xchg(&s->y.value, 1);
	s->r[1] = READ_ONCE(s->x.value);
}

/* ---- load buffering: no one reads what is written only later ---- */

static noinline void lb_0(struct litmus_state *s)
{
	s->r[0] = smp_load_acquire(&s->x.value);
	WRITE_ONCE(s->y.value, 1);
}

static noinline void lb_1(struct litmus_state *s)
{
	s->r[1] = READ_ONCE(s->y.value);
	smp_store_release(&s->x.value, 1);
}

/* ---- independent reads of independent writes: all see one order ---- */

static noinline void iriw_write_x(struct litmus_state *s)
{
	WRITE_ONCE(s->x.value, 1);
}

static noinline void iriw_write_y(struct litmus_state *s)
{
	WRITE_ONCE(s->y.value, 1);
}

static noinline void iriw_read_xy(struct litmus_state *s)
{
	s->r[0] = READ_ONCE(s->x.value);
	smp_mb();
	s->r[1] = READ_ONCE(s->y.value);
}

static noinline void iriw_read_yx(struct litmus_state *s)
{
	s->r[2] = READ_ONCE(s->y.value);
	smp_mb();
	s->r[3] = READ_ONCE(s->x.value);
}

#define SB_TEST(name) { "SB+" #name, { sb_##name##_0, sb_##name##_1 }, { 0, 0, ANY, ANY } }

const struct litmus litmus_tests[] = {
	{ "SB, nothing orders", { sb_none_0, sb_none_1 }, { 0, 0, ANY, ANY }, .weak = 1 },
	{ "MP+release+acquire", { mp_write_release, mp_read_acquire }, { 1, 0, ANY, ANY } },
	{ "MP+wmb+rmb", { mp_write_wmb, mp_read_rmb }, { 1, 0, ANY, ANY } },
	{ "MP+xchg_release+cmpxchg_acquire", { mp_write_xchg_release, mp_read_cmpxchg_acquire }, { 1, 0, ANY, ANY } },
	SB_TEST(mb),
	SB_TEST(xchg),
	SB_TEST(cmpxchg),
	SB_TEST(add_return),
	SB_TEST(fetch_or),
	SB_TEST(set_bit),
	SB_TEST(after_atomic),
	SB_TEST(before_atomic),
	{ "SB+raise+release", { sb_raise, sb_release }, { 0, 0, ANY, ANY } },
	{ "LB+acquire+release", { lb_0, lb_1 }, { 1, 1, ANY, ANY } },
	{ "IRIW+mb", { iriw_write_x, iriw_write_y, iriw_read_xy, iriw_read_yx }, { 1, 0, 1, 0 } },
};

const unsigned int litmus_count = ARRAY_SIZE(litmus_tests);
