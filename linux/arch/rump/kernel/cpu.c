// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual CPUs: tokens, carrying, parking
 *
 * Two races shape this file. A thread that gives up a token must see every interrupt raised before, or the raiser must
 * see the token free: so rump_raise() sets the bit and then reads the token; who has called rump_cpu_release() reads the
 * bits then, each with a full barrier between: the tree's atomic operations that return a value are such, the compiler's
 * with __ATOMIC_SEQ_CST are not on every CPU. And who is woken for a CPU, its idler, may be about to leave for a reason
 * of its own: so it hands the role on before it goes and looks at the bits again.
 */
#include <linux/atomic.h>
#include <linux/sched.h>
#include <linux/time64.h>
#include <cpu/pause.h>
#include "carry.h"

/* Turns of a waiting loop, of some ten nanoseconds each: about what a short system call takes. */
#define SPIN_FOR_TOKEN 100
#define GLANCE_TURNS 100

/* Nanoseconds that pass until a thread runs that was woken on a processor that slept; more in a virtual machine. */
#define WAKE_UP_NS (60 * NSEC_PER_USEC)

/* After as many looks in vain, one in 32 glances, in 1024 watches, is enough to see that things have changed. */
#define GLANCE_MISSES_MAX 5
#define WATCH_MISSES_MAX 10

/*
 * Nanoseconds for carriers to leave a kernel that has ended. They look at each interrupt and in each waiting loop, and
 * are kicked out of the rest: what remains is code of the program's, in callbacks, and threads that cannot be kicked.
 */
#define EXIT_PATIENCE (500 * NSEC_PER_MSEC)
#define EXIT_KICK NSEC_PER_MSEC

struct rump_cpu rump_cpus[NR_CPUS];
u32 rump_ended;

void rump_cpu_init(struct rump_cpu *cpu, unsigned int id)
{
	cpu->id = id;
	cpu->link = rump_context_link;
	cpu->idler = &cpu->home;
	init_llist_head(&cpu->callers);
	init_llist_head(&cpu->interrupted);
}

/* ---- parking ---- */

/* Tell @carrier that there is news. Returns whether the host has to wake it. */
static bool unpark(struct rump_carrier *carrier)
{
	u32 old = READ_ONCE(carrier->word), new;

	do {
		new = (old & ~RUMP_PARKED) + 2;
	} while (!try_cmpxchg(&carrier->word, &old, new));
	return old & RUMP_PARKED;
}

void rump_unpark(struct rump_carrier *carrier)
{
	if (unpark(carrier))
		rump_hyp->wake(rump_instance, &carrier->word, 1);
}

/**
 * rump_unpark_at_end() - the same when the kernel has ended
 *
 * The host is asked in any case: who has unparked it before may have left that to RUMP_IRQ_WAKE, which nobody takes any
 * more.
 */
void rump_unpark_at_end(struct rump_carrier *carrier)
{
	unpark(carrier);
	rump_hyp->wake(rump_instance, &carrier->word, 1);
}

static bool look_wanted(struct rump_look *look)
{
	if (!look->blind)
		return true;
	look->blind--;
	return false;
}

/* Where it was in vain, as it is for threads that share a processor, it is done again more and more seldom. */
static bool looked(struct rump_look *look, bool seen, unsigned int misses_max)
{
	look->misses = seen ? 0 : min_t(u16, look->misses + 1, misses_max);
	look->blind = (1U << look->misses) - 1;
	return seen;
}

static bool glance(const struct rump_carrier *me, u32 seen)
{
	unsigned int turn;

	for (turn = 0; turn < GLANCE_TURNS; turn++) {
		if (READ_ONCE(me->word) != seen)
			return true;
		cpu_pause();
	}
	return false;
}

/*
 * Two threads that answer each other on two virtual CPUs and both sleep meanwhile wait for each other's wake-up each
 * time: longer than a glance, so they would do so for ever. One that has watched through such a wake-up ends that. Only
 * while the CPU is idle: others that carry it could use the processor.
 */
static bool watch(const struct rump_cpu *cpu, const struct rump_carrier *me, u32 seen)
{
	u64 end = rump_hyp->clock_monotonic(rump_instance) + WAKE_UP_NS;

	do {
		if (glance(me, seen))
			return true;
	} while (!READ_ONCE(cpu->token) && rump_hyp->clock_monotonic(rump_instance) < end);
	return false;
}

static void sleep(struct rump_carrier *me, u32 parked)
{
	while (READ_ONCE(me->word) == parked)
		rump_hyp->wait(rump_instance, &me->word, parked, HYP_FOREVER);
}

/* Sleep until rump_unpark(), unless that came after @seen was read. */
static void park(const struct rump_cpu *cpu, struct rump_carrier *me, u32 seen)
{
	bool may_watch;
	u64 start;

	if (look_wanted(&me->glance) && looked(&me->glance, glance(me, seen), GLANCE_MISSES_MAX))
		return;
	may_watch = look_wanted(&me->watch);
	if (may_watch && me->soon && !READ_ONCE(cpu->token) &&
	    looked(&me->watch, watch(cpu, me, seen), WATCH_MISSES_MAX))
		return;
	if (cmpxchg(&me->word, seen, seen | RUMP_PARKED) != seen)
		return;
	if (!may_watch) {
		sleep(me, seen | RUMP_PARKED);
		return;
	}
	start = rump_hyp->clock_monotonic(rump_instance);
	sleep(me, seen | RUMP_PARKED);
	me->soon = rump_hyp->clock_monotonic(rump_instance) - start < WAKE_UP_NS;
}

/* ---- tokens ---- */

/** rump_cpu_enter_slowly() - take the CPU's token if whoever has it gives it up soon */
bool rump_cpu_enter_slowly(struct rump_cpu *cpu, const struct rump_carrier *me)
{
	unsigned int spin;

	for (spin = 0; spin < SPIN_FOR_TOKEN; spin++) {
		if (rump_cpu_try_enter(cpu, me))
			return true;
		cpu_pause();
	}
	return false;
}

/* Returns whom to wake for it, or NULL. */
static struct rump_carrier *raise(struct rump_cpu *cpu, enum rump_interrupt irq)
{
	if (test_and_set_bit(irq, &cpu->pending))
		return NULL;
	return READ_ONCE(cpu->token) ? NULL : READ_ONCE(cpu->idler);
}

void rump_raise(struct rump_cpu *cpu, enum rump_interrupt irq)
{
	struct rump_carrier *carrier = raise(cpu, irq);

	if (carrier)
		rump_unpark(carrier);
}

/**
 * rump_raise_soon() - the same for one virtual CPU from another, which may hold locks
 *
 * The host may run who is woken at once, instead of the waker and on its processor, and he would wait for those locks.
 * So with interrupts disabled the host is called when they are enabled again.
 */
void rump_raise_soon(struct rump_cpu *cpu, enum rump_interrupt irq)
{
	struct rump_carrier *carrier = raise(cpu, irq);
	struct rump_top *top = rump_top();
	struct rump_cpu *self = top->cpu;

	if (!carrier || !unpark(carrier))
		return;
	if (top->irqs_on || self->wakes == ARRAY_SIZE(self->wake)) {
		rump_hyp->wake(rump_instance, &carrier->word, 1);
		return;
	}
	self->wake[self->wakes++] = carrier;
	set_bit(RUMP_IRQ_WAKE, &self->pending);
}

/** rump_wake_now() - interrupt RUMP_IRQ_WAKE: what rump_raise_soon() left */
void rump_wake_now(struct rump_cpu *self)
{
	while (self->wakes)
		rump_hyp->wake(rump_instance, &self->wake[--self->wakes]->word, 1);
}

/* Stop being the one to be woken for @cpu, unless somebody has taken that over. */
static void idler_resign(struct rump_cpu *cpu, struct rump_carrier *me)
{
	cmpxchg(&cpu->idler, me, &cpu->home);
}

/**
 * rump_cpu_wait() - host side: wait until *@state is @wanted, carrying @cpu whenever it has work and nobody else does
 *
 * Returns early when the kernel has ended.
 */
void rump_cpu_wait(struct rump_cpu *cpu, struct rump_carrier *me, const u32 *state, u32 wanted)
{
	bool idler = false;

	for (;;) {
		u32 seen = smp_load_acquire(&me->word); /* before all that whoever unparks this thread has written */

		if (smp_load_acquire(state) == wanted || READ_ONCE(rump_ended))
			break;
		if (rump_cpu_has_work(cpu) && rump_cpu_try_enter(cpu, me)) {
			if (unlikely(READ_ONCE(rump_ended))) {
				rump_cpu_release(cpu);
				break;
			}
			rump_cpu_carry(cpu, me);
			continue;
		}
		if (!idler || READ_ONCE(cpu->idler) != me) {
			/* Look once more after saying so: a kick before went to another. */
			xchg(&cpu->idler, me);
			idler = true;
			continue;
		}
		park(cpu, me, seen & ~RUMP_PARKED);
	}
	if (idler)
		idler_resign(cpu, me);
	rump_cpu_depart(cpu);
}

static void home_main(void *arg)
{
	struct rump_cpu *cpu = arg;
	u32 never = 0;

	WRITE_ONCE(cpu->home.host, rump_hyp->thread_id(rump_instance));
	rump_cpu_wait(cpu, &cpu->home, &never, 1);
}

/** rump_cpu_start() - start the CPU's home thread; its stack has been prepared */
int rump_cpu_start(struct rump_cpu *cpu)
{
	struct hyp_thread_attr attr = {
		.name = "rumpus-cpu", .cpu = cpu->id, .flags = HYP_THREAD_JOINABLE,
	};

	cpu->work = true;
	return rump_hyp->thread_create(rump_instance, home_main, cpu, &attr, &cpu->thread);
}

/**
 * rump_cpu_await_exit() - the kernel has ended: wait until nobody carries @cpu, so that nobody uses a caller's memory
 *
 * Nobody enters any more: who takes the token looks at rump_ended then. Not for ever: a callback of the program's may
 * not return. Whoever is in one goes no further in the kernel afterwards: see rump_host_end().
 */
void rump_cpu_await_exit(struct rump_cpu *cpu)
{
	u64 now = rump_hyp->clock_monotonic(rump_instance), end = now + EXIT_PATIENCE, kick = now + EXIT_KICK;
	u32 token;

	smp_mb(); /* the end was seen, then the token: who enters does it the other way around */
	while ((token = smp_load_acquire(&cpu->token)) && now < end) {
		if (now < kick) {
			rump_hyp->yield(rump_instance);
		} else {
			rump_kick(cpu);
			rump_hyp->wait(rump_instance, &cpu->token, token, now + EXIT_KICK);
		}
		now = rump_hyp->clock_monotonic(rump_instance);
	}
}

/**
 * rump_end() - the kernel ends now: tell the owner, let every thread out
 *
 * From any thread, inside the kernel or not. Inside, the caller goes on to rump_leave().
 */
void rump_end(int status, const char *reason)
{
	int i;

	static u32 claimed;

	if (xchg(&claimed, 1))
		return;
	/* First the reason: who sees the end may ask for it. */
	rump_hyp->exit(rump_instance, status, reason);
	xchg(&rump_ended, 1);
	for (i = 0; i < rump_info.cpus; i++) {
		rump_raise(&rump_cpus[i], RUMP_IRQ_STOP);
		rump_unpark_at_end(&rump_cpus[i].home);
		pv_kick(i);
	}
	rump_unpark_at_end(&rump_boot_carrier);
	rump_callers_wake_all();
	rump_watch_evict();
	rump_window_end();
}
