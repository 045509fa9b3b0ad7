// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes of host threads
 *
 * Each has a leader, a task that never runs a system call of anyone's: it makes the tasks of its callers, because only
 * a task of a process can add one to it. The first process is the tree's process 1, which also makes the others.
 */
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/completion.h>
#include <linux/nsproxy.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/init_task.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/syscalls.h>
#include <linux/time64.h>
#include <linux/init_syscalls.h>
#include <linux/mm.h>
#include "rump.h"

#define LEADER_THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM | CLONE_THREAD)

struct rumpus_image_process rump_first_process;
u32 rump_booted;
static LLIST_HEAD(new_processes);
static struct path boot_root; /* where every process begins; process 1 may change its own */

/* user_mode_thread() would share the memory, which is what tells a remote process from a local one. */
static int spawn(int (*fn)(void *arg), void *arg, u64 flags, int exit_signal)
{
	struct kernel_clone_args args = {
		.flags = flags | CLONE_UNTRACED,
		.exit_signal = exit_signal,
		.fn = fn,
		.fn_arg = arg,
	};

	return kernel_clone(&args);
}

static void attach_callers(struct rumpus_image_process *process)
{
	struct llist_node *list = llist_del_all(&process->attach);
	struct rumpus_image_thread *caller, *next;

	llist_for_each_entry_safe(caller, next, list, attach) {
		int pid = spawn(rump_caller_main, caller, LEADER_THREAD, 0);

		/* The only signal that can be in the way is one that ends the process. */
		if (pid < 0)
			rump_caller_finish(caller, pid == -ERESTARTNOINTR ? -ESRCH : pid);
	}
}

/* Who takes a caller off the list, and only who does, tells it how that ended. */
void rump_process_fail_attachers(struct rumpus_image_process *process)
{
	struct llist_node *list = llist_del_all(&process->attach);
	struct rumpus_image_thread *caller, *next;

	llist_for_each_entry_safe(caller, next, list, attach)
		rump_caller_finish(caller, -ESRCH);
}

/**
 * rump_block_signals() - block all signals that can be blocked, or none
 *
 * A leader leaves those of its process to the callers, whose system calls they are to end.
 */
void rump_block_signals(bool block)
{
	sigset_t set;

	if (block)
		sigfillset(&set);
	else
		sigemptyset(&set);
	set_current_blocked(&set);
}

/* A write to a pipe without a reader is to be an error, not the end of the process. */
static void ignore_sigpipe(void)
{
	spin_lock_irq(&current->sighand->siglock);
	current->sighand->action[SIGPIPE - 1].sa.sa_handler = SIG_IGN;
	spin_unlock_irq(&current->sighand->siglock);
}

/* The process begins with nothing of what process 1 has come to have: chroot, namespaces, limits, descriptors. */
static void forget_inherited(void)
{
	sys_close_range(0, ~0U, 0);
	vm_munmap(0, TASK_SIZE);
	get_nsproxy(&init_nsproxy);
	switch_task_namespaces(current, &init_nsproxy);
	set_fs_root(current->fs, &boot_root);
	set_fs_pwd(current->fs, &boot_root);
	current->fs->umask = 0022;
	task_lock(current);
	memcpy(current->signal->rlim, init_task.signal->rlim, sizeof(current->signal->rlim));
	task_unlock(current);
	flush_signal_handlers(current, 1);
	ignore_sigpipe();
}

static int leader_main(void *arg)
{
	struct rumpus_image_process *process = arg;
	struct ksignal ksig;

	rump_block_signals(true);
	forget_inherited();
	current->mm->context.ops = process->ops;
	current->mm->context.cookie = process->cookie;
	strscpy(current->comm, "process", sizeof(current->comm));
	process->pid = get_pid(task_tgid(current));
	WRITE_ONCE(process->leader, current);
	complete(&process->started);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (READ_ONCE(process->ending))
			break;
		if (!llist_empty(&process->attach)) {
			__set_current_state(TASK_RUNNING);
			attach_callers(process);
			continue;
		}
		if (signal_pending(current)) {
			__set_current_state(TASK_RUNNING);
			get_signal(&ksig); /* a fatal one ends here */
			continue;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	do_exit(0);
}

static void make_processes(void)
{
	struct llist_node *list = llist_del_all(&new_processes);
	struct rumpus_image_process *process, *next;

	llist_for_each_entry_safe(process, next, list, link) {
		int pid = spawn(leader_main, process, 0, SIGCHLD);

		if (pid < 0) {
			process->error = pid;
			complete(&process->started);
		}
	}
}

/*
 * A signal with a handler that no caller has taken yet would keep process 1 from making tasks. Such a one may be blocked:
 * it does not end the process, unlike others that are blocked when they come.
 */
static void block_handled_signals(void)
{
	sigset_t handled;
	int sig;

	sigemptyset(&handled);
	spin_lock_irq(&current->sighand->siglock);
	for (sig = 1; sig <= _NSIG; sig++) {
		__sighandler_t handler = current->sighand->action[sig - 1].sa.sa_handler;

		if (handler != SIG_DFL && handler != SIG_IGN)
			sigaddset(&handled, sig);
	}
	spin_unlock_irq(&current->sighand->siglock);
	set_current_blocked(&handled);
}

/**
 * rump_init_main() - process 1 in "user mode"
 */
void __ref __noreturn rump_init_main(void)
{
	struct rumpus_image_process *process = &rump_first_process;

	process->leader = current;
	get_fs_root(current->fs, &boot_root);
	/* Its children are reaped by nobody's wait. */
	spin_lock_irq(&current->sighand->siglock);
	current->sighand->action[SIGCHLD - 1].sa.sa_handler = SIG_IGN;
	spin_unlock_irq(&current->sighand->siglock);
	ignore_sigpipe();
	vm_munmap(0, TASK_SIZE); /* a stack that it does not have, where the program may have its own */
	init_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	rump_components_start();
	smp_store_release(&rump_booted, 1);
	rump_unpark(&rump_boot_carrier);
	/*
	 * It is to leave signals to the callers, too, but may not block them: the tree ends even process 1 by a signal
	 * that was blocked when it came. A task that seems to have one pending already is not chosen for the next.
	 */
	for (;;) {
		set_current_state(TASK_IDLE);
		if (!llist_empty(&process->attach) || !llist_empty(&new_processes)) {
			__set_current_state(TASK_RUNNING);
			clear_thread_flag(TIF_SIGPENDING); /* nor could it make tasks with one */
			block_handled_signals();
			attach_callers(process);
			make_processes();
			rump_block_signals(false);
			continue;
		}
		set_thread_flag(TIF_SIGPENDING);
		schedule();
	}
}

/* A leader that was killed: no caller is to wait for it. */
static void leader_gone(struct rumpus_image_process *process)
{
	WRITE_ONCE(process->leader, NULL);
	smp_mb();
	rump_process_fail_attachers(process);
}

void exit_thread(struct task_struct *task)
{
	if (task != current)
		return; /* a clone that failed */
	if (task->thread.fn == leader_main)
		leader_gone(task->thread.arg);
	else
		rump_caller_gone(task);
}

/* ---- on behalf of a caller ---- */

static long process_create(void *arg)
{
	struct rumpus_image_process *process = arg;
	struct rumpus_image_process *copy = kmemdup(process, sizeof(*process), GFP_KERNEL);

	if (!copy)
		return -ENOMEM;
	init_llist_head(&copy->attach);
	init_completion(&copy->started);
	llist_add(&copy->link, &new_processes);
	wake_up_process(rump_first_process.leader);
	wait_for_completion(&copy->started);
	if (copy->error) {
		long error = copy->error;

		kfree(copy);
		return error;
	}
	process->link.next = &copy->link;
	return 0;
}

static bool has_exited(struct pid *pid)
{
	struct task_struct *task;
	bool exited;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_PID);
	exited = !task || (READ_ONCE(task->exit_state) && thread_group_empty(task));
	rcu_read_unlock();
	return exited;
}

static long process_destroy(void *arg)
{
	struct rumpus_image_process *process = arg;
	struct task_struct *leader;

	WRITE_ONCE(process->ending, true);
	rcu_read_lock();
	leader = READ_ONCE(process->leader);
	if (leader)
		wake_up_process(leader);
	rcu_read_unlock();
	wait_event(process->pid->wait_pidfd, has_exited(process->pid));
	put_pid(process->pid);
	kfree(process);
	return 0;
}

/* ---- host side ---- */

/* The calling host thread may be in no process: it becomes a thread of the first one for one call. */
static int call_once(long (*fn)(void *arg), void *arg)
{
	const long args[6] = { (long)fn, (long)arg };
	struct rumpus_image_thread *thread;
	int err = rump_caller_attach(NULL, &thread);

	if (err)
		return err;
	err = rump_caller_call(thread, RUMP_CALL_FUNCTION, args);
	rump_caller_detach(thread);
	return err;
}

int rump_process_create(const struct rumpus_user_ops *ops, void *cookie, struct rumpus_image_process **process)
{
	struct rumpus_image_process wanted = { .ops = ops, .cookie = cookie };
	int err = call_once(process_create, &wanted);

	if (!err)
		*process = llist_entry(wanted.link.next, struct rumpus_image_process, link);
	return err;
}

void rump_process_destroy(struct rumpus_image_process *process)
{
	call_once(process_destroy, process);
}
