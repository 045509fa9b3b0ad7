// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host threads that make system calls, and the tasks that make them for them
 *
 * Each attached host thread has a task of its own, kept on one virtual CPU. A call usually finds that task current and
 * "in user mode" where the kernel was left, and then costs two stack switches. Otherwise the task is woken like any
 * other, and whoever carries the CPU runs it.
 */
#include <linux/cpumask.h>
#include <linux/resume_user_mode.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include <linux/syscalls.h>
#include "carry.h"

/* Records live as long as the kernel, for others may still look at their words; this keeps those to be used again. */
static LLIST_HEAD(free_callers);
static u32 free_lock; /* guards these and the blocks */
static u32 next_cpu;

/* All callers that ever were, for rump_callers_wake_all(). */
struct caller_block {
	struct caller_block *next;
	struct rumpus_image_thread callers[(PAGE_SIZE - sizeof(void *)) / sizeof(struct rumpus_image_thread)];
};
static struct caller_block first_block;
static struct caller_block *blocks = &first_block;
static unsigned int used_of_block;

/* ---- records: host side, no virtual CPU is held here, so a lock of its own ---- */

static void free_lock_take(void)
{
	while (xchg_acquire(&free_lock, 1))
		rump_hyp->yield(rump_instance);
}

static void free_lock_drop(void)
{
	smp_store_release(&free_lock, 0);
}

static struct caller_block *block_alloc(void)
{
	struct hyp_map map = { .size = PAGE_SIZE, .offset = HYP_MEM_ANONYMOUS,
			       .prot = HYP_PROT_READ | HYP_PROT_WRITE };

	BUILD_BUG_ON(sizeof(struct caller_block) > PAGE_SIZE);
	if (rump_hyp->mem_reserve(rump_instance, PAGE_SIZE, 0, NULL, &map.addr))
		return NULL;
	if (rump_hyp->mem_map(rump_instance, &map, 1) || rump_hyp->mem_commit(rump_instance, map.addr, PAGE_SIZE)) {
		rump_hyp->mem_unreserve(rump_instance, map.addr, PAGE_SIZE);
		return NULL;
	}
	return map.addr;
}

static struct rumpus_image_thread *caller_alloc(void)
{
	struct rumpus_image_thread *caller = NULL;
	struct llist_node *node;

	free_lock_take();
	node = llist_del_first(&free_callers);
	if (node) {
		caller = llist_entry(node, struct rumpus_image_thread, attach);
	} else {
		if (used_of_block == ARRAY_SIZE(blocks->callers)) {
			struct caller_block *block = block_alloc();

			if (block) {
				block->next = blocks;
				smp_store_release(&blocks, block);
				used_of_block = 0;
			}
		}
		if (used_of_block < ARRAY_SIZE(blocks->callers)) {
			caller = &blocks->callers[used_of_block++];
			caller->cpu = &rump_cpus[next_cpu++ % num_online_cpus()];
		}
	}
	free_lock_drop();
	if (!caller)
		return NULL;
	/* The rest stays: someone may still be at the carrier's word, and the CPU have it in its list. */
	caller->carrier.host = rump_hyp->thread_id(rump_instance);
	caller->state = RUMP_CALLER_OUTSIDE;
	caller->interrupted = 0;
	caller->dead = false;
	caller->task = NULL;
	caller->process = NULL;
	return caller;
}

static void caller_free(struct rumpus_image_thread *caller)
{
	free_lock_take();
	llist_add(&caller->attach, &free_callers);
	free_lock_drop();
}

void rump_callers_wake_all(void)
{
	struct caller_block *block;
	unsigned int i;

	for (block = smp_load_acquire(&blocks); block; block = block->next)
		for (i = 0; i < ARRAY_SIZE(block->callers); i++)
			rump_unpark_at_end(&block->callers[i].carrier);
}

/* ---- kernel side ---- */

/**
 * rump_caller_finish() - the result of @caller's request is there
 */
void rump_caller_finish(struct rumpus_image_thread *caller, long result)
{
	caller->result = result;
	smp_store_release(&caller->state, RUMP_CALLER_DONE);
	/* A thread that carries this CPU will see it when it is left; it is not parked. */
	if (rump_top()->cpu->carrier != &caller->carrier)
		rump_unpark(&caller->carrier);
}

/* Interrupt RUMP_IRQ_CALLER: wake the tasks of callers that found the CPU elsewhere. */
void rump_callers_interrupt(struct rump_cpu *cpu)
{
	struct llist_node *list = llist_reverse_order(llist_del_all(&cpu->callers));
	struct rumpus_image_thread *caller, *next;

	llist_for_each_entry_safe(caller, next, list, link) {
		struct task_struct *task;

		smp_store_release(&caller->queued, 0);
		smp_mb(); /* with queue(): a request that does not queue itself is seen here */
		if (READ_ONCE(caller->state) != RUMP_CALLER_REQUEST)
			continue; /* its task had woken for another reason and has served it */
		/* One that serves the request by now may sleep in it, and is not to be woken for nothing. */
		if (caller->task) {
			wake_up_state(caller->task, TASK_NOLOAD);
			continue;
		}
		task = READ_ONCE(caller->process->leader);
		if (task)
			wake_up_process(task);
		else
			rump_process_fail_attachers(caller->process);
	}

	list = llist_del_all(&cpu->interrupted);
	llist_for_each_entry_safe(caller, next, list, interrupt) {
		struct task_struct *task = caller->task;

		WRITE_ONCE(caller->interrupted, RUMP_INTERRUPT_DELIVERED);
		/* Not TIF_SIGPENDING, which the tree clears when it finds no signal. */
		if (task && READ_ONCE(caller->state) == RUMP_CALLER_REQUEST)
			set_notify_signal(task);
	}
}

/* Signals are consumed here: see doc/processes.md. Returns true when the call is to be made again. */
static bool consume_signals(struct rumpus_image_thread *caller, long *result)
{
	struct ksignal ksig;
	bool interrupted = cmpxchg(&caller->interrupted, RUMP_INTERRUPT_DELIVERED, 0) == RUMP_INTERRUPT_DELIVERED;
	bool handled = false;

	/* A fatal one does not come back from here: exit_thread() tells the caller. */
	while (get_signal(&ksig))
		handled = true;
	restore_saved_sigmask();
	switch (*result) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		if (handled || interrupted) {
			*result = -EINTR;
			return false;
		}
		return true;
	}
	return false;
}

static noinline long make_call(struct rumpus_image_thread *caller)
{
	long number = caller->number, result;

	if (unlikely(fatal_signal_pending(current)))
		result = -EINTR; /* killed while it was outside: what follows ends it */
	else if (likely(number != RUMP_CALL_FUNCTION))
		result = rump_system_call(number, caller->args);
	else
		result = ((long (*)(void *))caller->args[0])((void *)caller->args[1]);
	while (unlikely(read_thread_flags() & _TIF_WORK_MASK)) {
		bool again = false;

		if (test_thread_flag(TIF_SIGPENDING) || test_thread_flag(TIF_NOTIFY_SIGNAL))
			again = consume_signals(caller, &result);
		if (test_and_clear_thread_flag(TIF_NOTIFY_RESUME)) {
			current->flags &= ~PF_DUMPCORE; /* mm/grow.c */
			resume_user_mode_work(task_pt_regs(current));
		}
		if (need_resched())
			schedule();
		if (again)
			result = result == -ERESTART_RESTARTBLOCK ?
					 current->restart_block.fn(&current->restart_block) :
					 rump_system_call(number, caller->args);
	}
	return result;
}

/* The task has nothing to do: go back to "user mode", or sleep until there is a request. */
static __always_inline void wait_for_request(struct rumpus_image_thread *caller)
{
	struct rump_cpu *cpu = rump_top()->cpu;

	if (cpu->carrier == &caller->carrier && READ_ONCE(caller->state) == RUMP_CALLER_DONE) {
		local_irq_disable();
		if (unlikely(READ_ONCE(cpu->pending) || need_resched())) {
			local_irq_enable();
			cond_resched();
			return;
		}
		task_pt_regs(current)->user = 1;
		rump_leave(caller, !single_task_running());
		local_irq_enable();
		task_pt_regs(current)->user = 0;
		if (READ_ONCE(caller->state) == RUMP_CALLER_REQUEST) {
			if (unlikely(need_resched()))
				schedule();
			return;
		}
	}
	set_current_state(TASK_IDLE);
	if (READ_ONCE(caller->state) != RUMP_CALLER_REQUEST)
		schedule();
	__set_current_state(TASK_RUNNING);
}

/**
 * rump_caller_main() - a caller's task, made by its process
 * @arg: the caller
 */
int rump_caller_main(void *arg)
{
	struct rumpus_image_thread *caller = arg;
	int err;

	current->thread.caller = caller;
	strscpy(current->comm, "caller", sizeof(current->comm));
	rump_block_signals(false); /* as its leader does */
	/* The host thread looks for it there; a task that moved would cost it a hand-over for each call. */
	err = set_cpus_allowed_ptr(current, cpumask_of(caller->cpu->id));
	if (err) {
		current->thread.caller = NULL;
		rump_caller_finish(caller, err);
		do_exit(0);
	}
	WRITE_ONCE(caller->task, current);
	rump_caller_finish(caller, 0);

	for (;;) {
		if (smp_load_acquire(&caller->state) != RUMP_CALLER_REQUEST) {
			wait_for_request(caller);
			continue;
		}
		if (unlikely(caller->number == RUMP_CALL_DETACH))
			break;
		rump_caller_finish(caller, make_call(caller));
	}
	current->thread.caller = NULL;
	rump_caller_finish(caller, 0);
	/* Its record is another's from here on. Somebody else carries the task to its end. */
	if (rump_top()->cpu->carrier == &caller->carrier) {
		local_irq_disable();
		rump_leave(NULL, true);
		local_irq_enable();
	}
	do_exit(0);
}

/* exit_thread(): the task of a caller ends without having been asked to: a fatal signal, an oops. */
void rump_caller_gone(struct task_struct *task)
{
	struct rumpus_image_thread *caller = task->thread.caller;

	if (!caller)
		return;
	task->thread.caller = NULL;
	caller->dead = true;
	caller->task = NULL;
	rump_caller_finish(caller, -ESRCH);
	if (rump_top()->cpu->carrier == &caller->carrier) {
		local_irq_disable();
		rump_leave(NULL, true);
		local_irq_enable();
	}
}

/* ---- host side ---- */

/* The state is RUMP_CALLER_REQUEST. From an earlier request the record may still be in the list. */
static void queue(struct rumpus_image_thread *caller)
{
	if (!xchg(&caller->queued, 1))
		llist_add(&caller->link, &caller->cpu->callers);
}

/* From here on the task, or its process, may serve the request at any moment. */
static __always_inline void request_set(struct rumpus_image_thread *caller, long number, const long *args)
{
	if (unlikely(READ_ONCE(caller->interrupted) == RUMP_INTERRUPT_DELIVERED))
		WRITE_ONCE(caller->interrupted, 0); /* it was for a call that had ended */
	caller->number = number;
	caller->args = args;
	smp_store_release(&caller->state, RUMP_CALLER_REQUEST);
}

/* The request is set: carry the CPU, or wait for who carries it. */
static __always_inline void request(struct rumpus_image_thread *caller)
{
	struct rump_cpu *cpu = caller->cpu;

	if (likely(rump_cpu_try_enter(cpu, &caller->carrier) || rump_cpu_enter_slowly(cpu, &caller->carrier))) {
		if (unlikely(cpu->user != caller)) {
			queue(caller);
			set_bit(RUMP_IRQ_CALLER, &cpu->pending);
		}
		if (likely(!READ_ONCE(rump_ended)))
			rump_cpu_carry(cpu, &caller->carrier);
		else
			rump_cpu_release(cpu);
	} else {
		queue(caller);
		rump_raise(cpu, RUMP_IRQ_CALLER);
	}
	if (likely(READ_ONCE(caller->state) == RUMP_CALLER_DONE))
		rump_cpu_depart(cpu);
	else
		rump_cpu_wait(cpu, &caller->carrier, &caller->state, RUMP_CALLER_DONE);
}

long rump_caller_call(struct rumpus_image_thread *caller, long number, const long *args)
{
	if (unlikely(caller->dead))
		return -ESRCH;
	if (unlikely(READ_ONCE(rump_ended)))
		return -ESHUTDOWN;
	request_set(caller, number, args);
	request(caller);
	if (unlikely(smp_load_acquire(&caller->state) != RUMP_CALLER_DONE)) {
		/* Its memory is the caller's own again when this returns. */
		rump_cpu_await_exit(caller->cpu);
		return -ESHUTDOWN;
	}
	return caller->result;
}

/**
 * rump_caller_syscall() - the image's entry for system calls: numbers below 0 are the overlay's own requests
 */
long rump_caller_syscall(struct rumpus_image_thread *caller, long number, const long *args)
{
	if (unlikely(number < 0))
		return -ENOSYS;
	return rump_caller_call(caller, number, args);
}

int rump_caller_attach(struct rumpus_image_process *process, struct rumpus_image_thread **thread)
{
	struct rumpus_image_thread *caller;
	long err;

	if (READ_ONCE(rump_ended))
		return -ESHUTDOWN;
	caller = caller_alloc();
	if (!caller)
		return -ENOMEM;
	caller->process = process ?: &rump_first_process;
	request_set(caller, RUMP_CALL_ATTACH, NULL);
	llist_add(&caller->attach, &caller->process->attach);
	request(caller);
	if (smp_load_acquire(&caller->state) != RUMP_CALLER_DONE)
		return -ESHUTDOWN;
	err = caller->result;
	if (err) {
		caller_free(caller);
		return err;
	}
	*thread = caller;
	return 0;
}

void rump_caller_detach(struct rumpus_image_thread *caller)
{
	WRITE_ONCE(caller->carrier.host, rump_hyp->thread_id(rump_instance)); /* may be another that does it */
	if (!caller->dead && rump_caller_call(caller, RUMP_CALL_DETACH, NULL) == -ESHUTDOWN)
		return;
	caller_free(caller);
}

void rump_caller_interrupt(struct rumpus_image_thread *caller)
{
	struct rump_cpu *cpu = caller->cpu;

	if (READ_ONCE(caller->state) != RUMP_CALLER_REQUEST ||
	    cmpxchg(&caller->interrupted, 0, RUMP_INTERRUPT_QUEUED) != 0)
		return;
	llist_add(&caller->interrupt, &cpu->interrupted);
	rump_raise(cpu, RUMP_IRQ_CALLER);
}
