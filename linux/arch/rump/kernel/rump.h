/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of arch/rump: virtual CPUs, the host threads that carry them, and the callers whose system calls they run.
 *
 * A virtual CPU is run by whichever host thread holds its token. That thread switches to the stack where the kernel was
 * left and is then "inside"; the kernel leaves it again, on its own decision, in rump_leave(). Between the two the
 * thread is the CPU's carrier. A home thread for each CPU carries what no caller is there to carry.
 */
#ifndef _RUMP_H
#define _RUMP_H

#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/llist.h>
#include <linux/types.h>
#include <asm/setup.h>
#include <asm/stacktop.h>
#include <rumpus/hyp.h>
#include <rumpus/image.h>

struct task_struct;
struct pt_regs;

/** enum rump_interrupt - bits of struct rump_cpu.pending */
enum rump_interrupt {
	RUMP_IRQ_TIMER,
	RUMP_IRQ_WAKE, /* carriers of other CPUs are to be woken, now that no lock is held */
	RUMP_IRQ_CALLER, /* there is something on the CPU's list of callers */
	RUMP_IRQ_RESCHEDULE,
	RUMP_IRQ_CALL_FUNCTION,
	RUMP_IRQ_MEMORY, /* the thread that adds and takes back memory is wanted */
	RUMP_IRQ_WINDOW, /* the program waits for a page of its window */
	RUMP_IRQ_HUNG, /* a task waits uninterruptibly: it is to be watched */
	RUMP_IRQ_STOP, /* the kernel has ended: leave and never come back */
	RUMP_IRQ_DEVICE, /* from here on: numbers of the generic interrupt layer */
};

/**
 * struct rump_look - whether to look for news for a while before sleeping
 * @misses: how often in a row nothing came meanwhile
 * @blind:  how often not to look
 */
struct rump_look {
	u16 misses;
	u16 blind;
};

/**
 * struct rump_carrier - a host thread that can carry a virtual CPU
 * @host:    number of the host thread, for kicks; 0 where there are none
 * @word:    what it parks on: RUMP_PARKED while it sleeps or is about to, above that a count of events
 * @glance:  looks at @word as long as a short system call takes
 * @watch:   looks as long as it takes to be woken
 * @soon:    its last sleep was so short that such a look might have done
 *
 * @word may be written by anyone at any time, also after the thread has stopped waiting: records are never freed while
 * the kernel lives.
 */
struct rump_carrier {
	u32 host;
	u32 word;
	struct rump_look glance;
	struct rump_look watch;
	bool soon;
};

#define RUMP_PARKED 1U

#define RUMP_TOKEN_UNKNOWN 1U

/**
 * struct rump_cpu - a virtual CPU
 * @host_sp:   where the carrier goes on when the kernel leaves it: a frame record of its stack
 * @link:      with @host_sp a frame record between the kernel's stack and the carrier's: see rump_context_entry
 * @pending:   interrupts not yet delivered; any thread sets bits, the CPU takes them; asm/irqflags.h reads it
 * @token:     0, or the host thread that holds it, which alone touches the fields without another rule: its number, or
 *             RUMP_TOKEN_UNKNOWN where host threads have none. @carrier follows a little later
 * @work:      the kernel was left with tasks that could run; valid while the token is free
 * @idler:     who is to be woken when the CPU has work and nobody carries it; never NULL
 * @callers:   host threads that want their task to be woken (RUMP_IRQ_CALLER)
 * @interrupted: callers whose call is to end early (RUMP_IRQ_CALLER)
 * @kernel_sp: where the kernel was left; valid while nobody carries
 * @carrier:   the present one
 * @user:      the caller whose task is current and in "user mode" where the kernel was left, or NULL
 * @prev:      task that the present one was switched from
 * @kick:      counts pv_kick(); the carrier waits on it for a lock
 * @wakes:     how many of @wake are to be woken (RUMP_IRQ_WAKE)
 * @wake:      carriers of other CPUs
 * @relaxed:   calls of cpu_relax() since the CPU last did something else
 * @in_host:   depth of calls to the host that may take long or come back to the image: nothing is to be cut off then
 * @kicked_at: where a kick took the carrier from; rump_interrupt_entry() goes back there
 * @yielding:  the carrier has a waiting loop of the kernel's give way to others of the host's
 * @ticks:     timer interrupts taken
 * @ticked:    nanoseconds; when one was last counted in @stale
 * @stale:     ticks since another task ran, or the kernel was left
 * @late:      kicks that met interrupts off since one was taken; written by the carrier, in a handler of the host's, too
 * @seen:      for the timer's upcall alone: @ticks when it last found a tick that waited
 * @home:      its home thread
 * @thread:    handle of the home thread
 * @id:        number
 */
struct rump_cpu {
	void *host_sp;
	const void *link;
	void *kernel_sp;
	struct rump_carrier *carrier;
	struct rumpus_image_thread *user;
	struct task_struct *prev;
	u32 kick;
	unsigned int wakes;
	struct rump_carrier *wake[4];
	unsigned int relaxed;
	unsigned int in_host;
	bool yielding;
	unsigned long kicked_at;
	unsigned int stale;
	unsigned int late;
	u64 ticked;
	unsigned long ticks;
	unsigned long seen;
	unsigned int id;
	struct hyp_thread *thread;
	struct rump_carrier home;

	unsigned long pending ____cacheline_aligned;
	u32 token;
	bool work;
	struct rump_carrier *idler;
	struct llist_head callers;
	struct llist_head interrupted;
} ____cacheline_aligned;

/** enum rump_caller_state - who has the move */
enum rump_caller_state {
	RUMP_CALLER_OUTSIDE, /* the host thread; its task is in "user mode" */
	RUMP_CALLER_REQUEST, /* the task: there is a call to make */
	RUMP_CALLER_DONE, /* the host thread: the result is there */
};

/** RUMP_CALL_DETACH - number of the request that ends a caller's task */
#define RUMP_CALL_DETACH (-1L)
/** RUMP_CALL_FUNCTION - number of the request to call a function of the kernel: arguments are it and its argument */
#define RUMP_CALL_FUNCTION (-2L)
/** RUMP_CALL_ATTACH - number of the request for a task, which the process serves */
#define RUMP_CALL_ATTACH (-3L)

/**
 * struct rumpus_image_thread - a host thread that makes system calls
 * @carrier: it as a carrier; first
 * @state:   enum rump_caller_state
 * @interrupted: a request to end the call in progress: 0 none, RUMP_INTERRUPT_QUEUED, RUMP_INTERRUPT_DELIVERED
 * @interrupt: in rump_cpu.interrupted while it is RUMP_INTERRUPT_QUEUED
 * @dead:    its task has gone: killed inside the kernel
 * @cpu:     where its task runs; the same as long as the record lives
 * @task:    its task
 * @process: what it belongs to
 * @number:  of the system call
 * @args:    of the system call; on the host thread's stack
 * @result:  of the system call
 * @queued:  it is in rump_cpu.callers
 * @link:    there
 * @attach:  in rumpus_image_process.attach, or in the free list
 */
struct rumpus_image_thread {
	struct rump_carrier carrier;
	u32 state;
	u32 interrupted;
	bool dead;
	struct rump_cpu *cpu;
	struct task_struct *task;
	struct rumpus_image_process *process;
	long number;
	const long *args;
	long result;
	u32 queued;
	struct llist_node link;
	struct llist_node attach;
	struct llist_node interrupt;
} ____cacheline_aligned; /* two threads that call at once share no line */

#define RUMP_INTERRUPT_QUEUED 1U
#define RUMP_INTERRUPT_DELIVERED 2U

/**
 * struct rumpus_image_process - a process for host threads
 * @leader:  its first task, which does nothing but make the others; NULL until it runs
 * @attach:  callers that want a task
 * @ops, @cookie: its memory
 * @started: the leader runs, or @error says why not
 * @pid:     of the process
 * @ending:  the leader is to exit
 * @link:    in the list of processes to be made
 */
struct rumpus_image_process {
	struct task_struct *leader;
	struct llist_head attach;
	const struct rumpus_user_ops *ops;
	void *cookie;
	struct completion started;
	struct pid *pid;
	int error;
	bool ending;
	struct llist_node link;
};

extern const struct hyp_ops *rump_hyp;
extern struct hyp *rump_instance;
extern struct hyp_info rump_info;
/* Of what the owner adds to the command line; the rest is for what this machine adds. */
#define RUMP_COMMAND_LINE_SIZE (COMMAND_LINE_SIZE - 256)
extern char rump_command_line[RUMP_COMMAND_LINE_SIZE];
extern struct rump_cpu rump_cpus[];
extern struct rump_carrier rump_boot_carrier;
extern struct rumpus_image_process rump_first_process;

/* The kernel has ended: no thread enters any more, and those inside leave at the next chance. */
extern u32 rump_ended;

/*
 * Where every context of the kernel's begins. The return address of what it calls is rump_context_link: there a stack of
 * the kernel's ends, and the carrier's goes on.
 */
void rump_context_entry(void);
extern const char rump_context_link[];

/* cpu.c */
void rump_cpu_init(struct rump_cpu *cpu, unsigned int id);
int rump_cpu_start(struct rump_cpu *cpu);
void rump_raise(struct rump_cpu *cpu, enum rump_interrupt irq);
void rump_raise_soon(struct rump_cpu *cpu, enum rump_interrupt irq);
void rump_wake_now(struct rump_cpu *self);
void rump_unpark(struct rump_carrier *carrier);
void rump_unpark_at_end(struct rump_carrier *carrier);
bool rump_cpu_enter_slowly(struct rump_cpu *cpu, const struct rump_carrier *me);
void rump_cpu_wait(struct rump_cpu *cpu, struct rump_carrier *me, const u32 *state, u32 wanted);
void rump_cpu_await_exit(struct rump_cpu *cpu);
void rump_end(int status, const char *reason);

/* setup.c */
void __noreturn rump_leave_for_good(void);

/* irq.c */
int rump_irq_alloc(void);

/* caller.c */
void rump_callers_interrupt(struct rump_cpu *cpu);
int rump_caller_main(void *arg);
void rump_caller_gone(struct task_struct *task);
void rump_caller_finish(struct rumpus_image_thread *caller, long result);
int rump_caller_attach(struct rumpus_image_process *process, struct rumpus_image_thread **thread);
void rump_caller_detach(struct rumpus_image_thread *caller);
long rump_caller_call(struct rumpus_image_thread *caller, long number, const long *args);
long rump_caller_syscall(struct rumpus_image_thread *caller, long number, const long *args);
void rump_caller_interrupt(struct rumpus_image_thread *caller);
void rump_callers_wake_all(void);

/* process.c */
void rump_block_signals(bool block);
void rump_process_fail_attachers(struct rumpus_image_process *process);
extern u32 rump_booted;
int rump_process_create(const struct rumpus_user_ops *ops, void *cookie, struct rumpus_image_process **process);
void rump_process_destroy(struct rumpus_image_process *process);
void __noreturn rump_init_main(void);

/* task.c */
void rump_stack_init(void *stack, struct task_struct *task, void (*entry)(void), void **sp);

/* component.c */
void rump_components(int (*load)(void *cookie, const char *name), void *cookie);
void rump_components_start(void);
void rump_components_halt(void);

/* deferred.c */
int rump_deferred_init(const char *name);

/* time.c */
void rump_timer_interrupt(void);
void rump_timer_upcall(void *cookie, u32 n);
void rump_timer_start_cpu(void);

/* watch.c */
extern unsigned int rump_lockup_ms;
void rump_watch_prepare(u32 timer);
void rump_watch_evict(void);
void rump_watch_end(void);
void rump_watch_begin(struct rump_cpu *cpu);
bool rump_watch_upcall(u32 timer);
void rump_watch_tick(struct rump_cpu *cpu);
void rump_kick(struct rump_cpu *cpu);
bool rump_kicked(struct hyp_fault *fault);
bool rump_is_stuck(const struct rump_cpu *cpu);
void __noreturn rump_stuck(void);
void rump_stuck_entry(void);
void rump_evict_entry(void);

const char *rump_what_runs(const struct task_struct *task, char *buf, size_t size);

/* hung.c */
extern unsigned int rump_hung_ms;
void rump_hung_switch(struct rump_cpu *cpu, struct task_struct *task);
void rump_hung_interrupt(void);

/* fault.c */
bool rump_kernel_text(uintptr_t pc);
bool rump_kernel_stack(uintptr_t sp);
bool rump_fault_upcall(void *cookie, struct hyp_fault *fault);
void rump_oops_entry(void);
void rump_lost_entry(void);

/* direct.c */
long rump_direct_again(long number, const long *args);

/* syscall.c */
void rump_syscalls_prepare(void);
long rump_system_call(long number, const long *args);

/* image.c */
int rump_refuse(int err, const char *format, ...) __printf(2, 3);

/* mm/init.c */
int rump_memory_prepare(void);
void rump_memory_setup(void);

/* mm/grow.c */
void rump_memory_parameters(char *text, size_t size);
void rump_memory_withhold(unsigned long *bits, unsigned long given, unsigned long there, unsigned long bound);
void rump_memory_interrupt(void);
void rump_memory_await(void);

/* mm/window.c */
extern unsigned int rump_window_pieces;
bool rump_window_fault_in(const void __user *addr, bool write);
bool rump_window_fault(unsigned long addr, bool write);
bool rump_window_serving(void);
void rump_window_interrupt(void);
void rump_window_end(void);

/* mm/kasan.c */
#ifdef CONFIG_KASAN
int rump_kasan_prepare(void);
void rump_kasan_enable(void);
#else
static inline int rump_kasan_prepare(void)
{
	return 0;
}
static inline void rump_kasan_enable(void)
{
}
#endif

/* mm/kmap.c */
void rump_kmap_prepare(unsigned int i, unsigned long start, unsigned long end, unsigned long *bits);

/* drivers/hyp_blk.c */
int rump_disk_add(struct rumpus_image_thread *thread, struct hyp_blk *disk, char name[32]);
int rump_disk_remove(struct rumpus_image_thread *thread, struct hyp_blk *disk);
void rump_disks_quiesce(void);

/* drivers/hyp_net.c */
int rump_net_add(struct rumpus_image_thread *thread, struct hyp_net *net, char name[32]);
int rump_net_remove(struct rumpus_image_thread *thread, struct hyp_net *net);
void rump_nets_quiesce(void);

#endif
