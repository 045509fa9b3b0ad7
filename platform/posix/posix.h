/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the posix platform share; nobody else includes it. */
#ifndef PLATFORM_POSIX_H
#define PLATFORM_POSIX_H

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

#include <rumpus/hyp.h>

struct span;

/**
 * struct posix_memory - the memory object of an instance and the addresses that show it
 * @lock:         guards all below but @fd, @size and @budget, which are constant; held over mmap(2)
 * @fd:           sparse memory file
 * @size:         its bytes
 * @budget:       most mappings of the host's beyond one for each reservation
 * @mapped:       how many there are now
 * @reservations: tree; each has a tree of the pieces mapped in it
 * @spare:        list of unused spans, so that a change of the trees cannot fail half-way
 */
struct posix_memory {
	pthread_mutex_t lock;
	int fd;
	uint64_t size;
	uint32_t budget;
	uint32_t mapped;
	struct span *reservations;
	struct span *spare;
};

/**
 * struct posix_timers - the timers of an instance and the thread that fires them
 * @lock:     guards the start of @thread
 * @running:  @thread exists
 * @thread:   the timer thread, from the first timer_set() until fini()
 * @stop:     it is to end
 * @until:    what it sleeps for; HYP_FOREVER while it scans @deadline, so that whoever arms a timer then kicks
 * @kick:     futex word; changes when a deadline before @until was set
 * @n:        timers
 * @used:     of these, the first so many were ever armed: those beyond need no look
 * @deadline: of each; HYP_FOREVER: not armed
 */
struct posix_timers {
	pthread_mutex_t lock;
	atomic_bool running;
	pthread_t thread;
	atomic_bool stop;
	_Atomic uint64_t until;
	_Atomic uint32_t kick;
	uint32_t n;
	_Atomic uint32_t used;
	_Atomic uint64_t *deadline;
};

/**
 * struct posix_node - a place in the list of instances
 * @next:     constant once published; nodes are reused, never freed, so that a signal handler may walk the list
 * @taken:    belongs to an instance, under the lock of the list
 * @instance: NULL: none alive here
 * @pins:     futex word: threads and handlers that may still use @instance
 */
struct posix_node {
	struct posix_node *next;
	bool taken;
	struct hyp *_Atomic instance;
	_Atomic uint32_t pins;
};

/**
 * struct hyp - an instance
 * @serial:  unlike any other instance's that this process ever had, so that stale per-thread data is told from fresh
 * @node:    its place in the list of instances
 * @config:  the owner's
 * @upcalls: the kernel's
 * @cookie:  the kernel's
 * @threads: futex word: threads of thread_create() that have not ended yet
 * @ended:   exit() was called
 * @reason:  what it was told
 */
struct hyp {
	uint64_t serial;
	struct posix_node *node;
	struct hyp_config config;
	struct hyp_upcalls upcalls;
	void *cookie;
	struct posix_memory memory;
	struct posix_timers timers;
	_Atomic uint32_t threads;
	atomic_bool ended;
	char reason[256];
};

extern const struct hyp_ops posix_hyp_ops;

/* Declares a variable that carries errno of the embedding program over a hypercall: int saved ERRNO_KEPT = errno; */
#define ERRNO_KEPT __attribute__((cleanup(posix_errno_restore), unused))

static inline void posix_errno_restore(const int *saved)
{
	errno = *saved;
}

/* instance.c */
int posix_init(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
	       struct hyp **h, struct hyp_info *info);
void posix_fini(struct hyp *h);
void posix_exit(struct hyp *h, int status, const char *reason);

/* console.c: a line of the platform's own for the owner's console */
void posix_say(const struct hyp *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * limits.c: bytes that this program may have at most: the host's, those of the tightest control group around it, or what
 * its limit of address space (ulimit -v) leaves
 */
uint64_t posix_memory_allowed(void);

/* registry.c: which instances are alive */
int posix_registry_add(struct hyp *h);
void posix_registry_remove(struct hyp *h);
struct posix_node *posix_registry_next(struct posix_node *node);
struct hyp *posix_node_pin(struct posix_node *node);
void posix_node_unpin(struct posix_node *node);
struct posix_node *posix_registry_pin(uint64_t serial);

/* memory.c, pages.c */
int posix_memory_init(struct hyp *h, uint64_t bound, uint32_t budget);
void posix_memory_fini(struct posix_memory *m);
uint32_t posix_page_size(void);
int posix_mem_reserve(struct hyp *h, size_t size, size_t align, void *hint, void **addr);
int posix_mem_unreserve(struct hyp *h, void *addr, size_t size);
int posix_mem_map(struct hyp *h, const struct hyp_map *map, size_t n);
int posix_mem_commit(struct hyp *h, void *addr, size_t size);
int posix_mem_release(struct hyp *h, void *addr, size_t size);
int posix_mem_sync_code(struct hyp *h, void *addr, size_t size);

/* thread.c */
#define TIMER_SLACK_NS 1000UL /* for threads that sleep until deadlines; Linux's default of 50 us would delay each */
int posix_thread_create(struct hyp *h, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
			struct hyp_thread **thread);
void posix_thread_exit(struct hyp *h) __attribute__((noreturn));
int posix_thread_join(struct hyp *h, struct hyp_thread *thread);
void posix_yield(struct hyp *h);
uint32_t posix_thread_id(struct hyp *h);
int posix_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg, size_t stack_size, bool detached);

/* slot.c */
int posix_slot_setup(void);
void **posix_thread_slot(struct hyp *h);
int posix_thread_on_exit(struct hyp *h, void (*fn)(void *arg), void *arg);
void posix_thread_ends(void);

/* wait.c */
int posix_wait(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline);
int posix_wake(struct hyp *h, uint32_t *word, uint32_t n);
int posix_wake_wait(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline);
int posix_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline);
int posix_futex_wake(_Atomic uint32_t *word, uint32_t n);

/* time.c, timer.c */
uint64_t posix_clock_monotonic(struct hyp *h);
uint64_t posix_clock_realtime(struct hyp *h);
uint32_t posix_clock_resolution(void);
int posix_timers_init(struct posix_timers *t, uint32_t n);
void posix_timers_fini(struct posix_timers *t);
int posix_timer_set(struct hyp *h, uint32_t n, uint64_t deadline);

/* console.c, entropy.c */
void posix_console_write(struct hyp *h, const char *text, size_t len);
long posix_console_read(struct hyp *h, char *buf, size_t size);
int posix_param_get(struct hyp *h, const char *name, char *value, size_t size);
long posix_entropy(struct hyp *h, void *buf, size_t size, uint32_t flags);

/* The signal that kicks a thread: of those that a program hardly uses, the one that is ignored by default. */
#define POSIX_KICK_SIGNAL SIGURG

/* fault.c */
int posix_thread_kick(struct hyp *h, uint32_t id);
void posix_fault_install(void);
void posix_fault_uninstall(void);

/* arch/<cpu>/context.c: the interrupted registers in a signal handler's third argument; @fault has kind and address */
void posix_context_read(const void *context, struct hyp_fault *fault);
void posix_context_set_pc(void *context, uintptr_t pc);
const sigset_t *posix_context_mask(const void *context);

#endif
