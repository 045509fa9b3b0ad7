// SPDX-License-Identifier: GPL-2.0-only
/* Clocks and one-shot timers over hypercalls */
#include <linux/clockchips.h>
#include <linux/clocksource.h>
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/percpu.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>
#include "rump.h"

static u64 now(void)
{
	return rump_hyp->clock_monotonic(rump_instance);
}

static u64 clocksource_read(struct clocksource *source)
{
	return now();
}

static u64 begun;

/* CLOCK_MONOTONIC is the host's: what it has begun with is what the first reading says, whatever passed between. */
static u64 clocksource_begin(struct clocksource *source)
{
	source->read = clocksource_read;
	return begun;
}

/* Nanoseconds as they are. A smaller shift would leave less to steer by, a larger one wake an idle kernel more often. */
#define SHIFT 22

static struct clocksource clocksource = {
	.name = "rump",
	.rating = 400,
	.read = clocksource_begin,
	.mask = CLOCKSOURCE_MASK(64),
	.mult = 1U << SHIFT,
	.shift = SHIFT,
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
};

/*
 * From the first moment on: the tree would count by ticks until the end of booting, and be some of them late for ever.
 */
struct clocksource *__init clocksource_default_clock(void)
{
	return &clocksource;
}

static DEFINE_PER_CPU(struct clock_event_device, clockevent);

/* A kernel without timers would wait for ever, and the tree tries again for ever. */
static int set_timer(u64 deadline)
{
	int err = rump_hyp->timer_set(rump_instance, smp_processor_id(), deadline);

	if (err)
		panic("the host gives no timer: error %d; raise ulimit -u, -v and -d", -err);
	return 0;
}

static int set_next_event(unsigned long delta, struct clock_event_device *device)
{
	return set_timer(now() + delta);
}

static int shutdown(struct clock_event_device *device)
{
	return set_timer(HYP_FOREVER);
}

/** rump_timer_upcall() - timer @n is due; on a thread of the platform's */
void rump_timer_upcall(void *cookie, u32 n)
{
	if (rump_watch_upcall(n))
		return;
	rump_raise(&rump_cpus[n], RUMP_IRQ_TIMER);
	rump_watch_begin(&rump_cpus[n]);
}

void rump_timer_interrupt(void)
{
	struct clock_event_device *device = this_cpu_ptr(&clockevent);

	rump_watch_tick(rump_top()->cpu);
	device->event_handler(device);
}

/** rump_timer_start_cpu() - give the calling CPU its timer */
void rump_timer_start_cpu(void)
{
	struct clock_event_device *device = this_cpu_ptr(&clockevent);

	device->name = "rump";
	device->features = CLOCK_EVT_FEAT_ONESHOT;
	device->rating = 400;
	device->set_next_event = set_next_event;
	device->set_state_shutdown = shutdown;
	device->set_state_oneshot = shutdown;
	device->cpumask = cpumask_of(smp_processor_id());
	clockevents_config_and_register(device, NSEC_PER_SEC, NSEC_PER_USEC, LONG_MAX);
}

void __init time_init(void)
{
	__clocksource_register(&clocksource);
	rump_timer_start_cpu();
}

void __init read_persistent_wall_and_boot_offset(struct timespec64 *wall, struct timespec64 *boot_offset)
{
	begun = now();
	*wall = ns_to_timespec64(rump_hyp->clock_realtime(rump_instance));
	*boot_offset = ns_to_timespec64(begun);
}

unsigned long long notrace sched_clock(void)
{
	return now();
}

void __ndelay(unsigned long nsecs)
{
	u64 end = now() + nsecs;

	while (now() < end)
		cpu_relax();
}
EXPORT_SYMBOL(__ndelay);

void __udelay(unsigned long usecs)
{
	__ndelay(usecs * NSEC_PER_USEC);
}
EXPORT_SYMBOL(__udelay);

/* calibrate_delay() below makes a loop a nanosecond. */
void __delay(unsigned long loops)
{
	__ndelay(loops);
}
EXPORT_SYMBOL(__delay);

void calibrate_delay(void)
{
	loops_per_jiffy = NSEC_PER_SEC / HZ;
}
