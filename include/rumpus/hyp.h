/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The basic hypercall interface: what a rump kernel needs of its platform.
 *
 * A platform implements struct hyp_ops; a kernel implements struct hyp_upcalls. Nothing else connects them. Everything
 * that is not memory, threads, waiting, time, console or entropy is an I/O family of its own (hyp_blk.h, hyp_file.h).
 *
 * Contract of every call, unless it says otherwise:
 *  - It takes the instance that init() made; instances share nothing.
 *  - It returns 0 or more for success and a negative enum hyp_error for failure, whatever numbers the host uses.
 *    Out-parameters come last and stay untouched on failure.
 *  - Sizes and addresses are in bytes, times in nanoseconds; deadlines are absolute, on the clock of clock_monotonic().
 *  - Any thread that thread_create() made, or that entered the kernel from outside, may call it. It does not block,
 *    does not call back into the kernel and keeps errno of the embedding program as it was.
 *  - It may be called with interrupts of the kernel disabled; it is not safe in a host signal handler.
 */
#ifndef RUMPUS_HYP_H
#define RUMPUS_HYP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
#define HYP_ASSERT(condition, why) static_assert(condition, why)
#else
#define HYP_ASSERT(condition, why) _Static_assert(condition, why)
#endif

/** HYP_VERSION - version of the whole contract; rumpuser(3) of NetBSD ended at 17 */
#define HYP_VERSION 18U

/** HYP_FOREVER - the deadline that never comes */
#define HYP_FOREVER UINT64_MAX

/**
 * enum hyp_error - what calls return, negated
 *
 * The values are those of Linux's asm-generic/errno*.h, so that a Linux kernel and a Linux host need no translation.
 */
enum hyp_error {
	HYP_EPERM = 1,
	HYP_ENOENT = 2,
	HYP_EINTR = 4,
	HYP_EIO = 5,
	HYP_EBADF = 9,
	HYP_EAGAIN = 11,
	HYP_ENOMEM = 12,
	HYP_EACCES = 13,
	HYP_EFAULT = 14,
	HYP_EBUSY = 16,
	HYP_EEXIST = 17,
	HYP_ENODEV = 19,
	HYP_ENOTDIR = 20,
	HYP_EISDIR = 21,
	HYP_EINVAL = 22,
	HYP_EMFILE = 24,
	HYP_EFBIG = 27,
	HYP_ENOSPC = 28,
	HYP_EROFS = 30,
	HYP_ERANGE = 34,
	HYP_EDEADLK = 35,
	HYP_ENOSYS = 38,
	HYP_EOVERFLOW = 75,
	HYP_EOPNOTSUPP = 95,
	HYP_ESHUTDOWN = 108,
	HYP_ETIMEDOUT = 110,
};

struct hyp;
struct hyp_thread;

/**
 * struct hyp_iovec - a piece of memory, as every I/O family passes it
 * @base: first byte
 * @len:  bytes
 */
struct hyp_iovec {
	void *base;
	size_t len;
};

/**
 * struct hyp_config - what the owner of an instance decides
 * @mem_bound: most bytes the memory object may ever hold; 0: half of the host's memory, but 32 MiB
 *             where that is less
 * @cpus:      virtual CPUs that the kernel will run, and timers that it gets; 0: as many as the host gives
 * @map_budget: most mappings of the host's that mem_map() may make; 0: an eighth of what the host allows a process
 * @console:   takes @len bytes of console output; called on any thread, must not call into the kernel; NULL: discard.
 *             It runs on the stack of whoever prints, a kernel's perhaps: 8 KiB are there for it, not more
 * @exited:    the kernel called exit(); called on the calling thread, must not call into the kernel; may be NULL
 * @param:     answers param_get(): writes a terminated string of at most @size bytes to @value and returns its length,
 *             or -HYP_ENOENT, or -HYP_ERANGE when @size is too small; NULL: there are no parameters
 * @input:     answers console_read(): as read(2), 0 when there is nothing now; NULL: there never is
 * @owner:     first argument of the four
 *
 * Copied by init(); the functions must stay valid until fini().
 */
struct hyp_config {
	uint64_t mem_bound;
	uint32_t cpus;
	uint32_t map_budget;
	void (*console)(void *owner, const char *text, size_t len);
	void (*exited)(void *owner, int status, const char *reason);
	int (*param)(void *owner, const char *name, char *value, size_t size);
	long (*input)(void *owner, char *buf, size_t size);
	void *owner;
};

/**
 * struct hyp_info - what the platform tells the kernel
 * @page_size:  granule of all memory calls
 * @cpus:       virtual CPUs; timers are numbered 0 to @cpus: one for each CPU, and one for what belongs to none
 * @mem_bound:  size of the memory object; a multiple of @page_size
 * @map_budget: mappings that this instance may hold at one time beyond one for each reservation: a piece alone in
 *              reserved space takes two, itself and the space behind it; pieces of the object that continue each other
 *              take one together
 * @clock_resolution: smallest step of clock_monotonic()
 */
struct hyp_info {
	uint32_t page_size;
	uint32_t cpus;
	uint64_t mem_bound;
	uint32_t map_budget;
	uint32_t clock_resolution;
};

/** enum hyp_fault_kind - what a processor exception was about */
enum hyp_fault_kind {
	HYP_FAULT_ACCESS, /* no mapping, or not with this right (SIGSEGV) */
	HYP_FAULT_MEMORY, /* a mapping without memory behind it (SIGBUS) */
	HYP_FAULT_INSTRUCTION, /* an undefined or trapping instruction (SIGILL, SIGTRAP) */
	HYP_FAULT_ARITHMETIC, /* division (SIGFPE) */
	HYP_FAULT_KICK, /* none: thread_kick() asks */
};

/**
 * struct hyp_fault - a processor exception
 * @kind:    what happened
 * @address: the address that could not be accessed; 0 where that has no meaning
 * @pc:      address of the instruction; the kernel may store another one, where the thread goes on
 * @sp:      stack pointer at the instruction
 * @write:   it was a write, where the host tells; else false
 */
struct hyp_fault {
	enum hyp_fault_kind kind;
	uintptr_t address;
	uintptr_t pc;
	uintptr_t sp;
	bool write;
};

/**
 * struct hyp_upcalls - what a kernel offers its platform
 *
 * All run on a thread or in a handler of the platform's, never inside a hypercall of the same thread. Except for
 * @fault, they may only store to memory and call wake(). Any may be NULL.
 *
 * @timer:   timer @n has reached its deadline and is disarmed now; may also call clock_monotonic(), timer_set() and
 *           thread_kick()
 * @console: console_read() has something; a host with an owner leaves it to the owner to call this
 * @stop:    the owner or the host asks the kernel to end in order; the same
 * @fault:   asked of every live instance in turn when a thread faults, before the program's own handler; returns true
 *           when the thread is to go on at @fault->pc, which it may have changed. Runs in a signal handler: it may only
 *           read the kernel's constant tables and write to @fault and to words of its own. With HYP_FAULT_KICK, the
 *           thread may be anywhere, in the program's own code, too: the kernel tells by @fault->pc and @fault->sp. For an
 *           address that the kernel manages, touched by code that is not the kernel's, it may also call wake() and
 *           wait(), until that address can be accessed.
 */
struct hyp_upcalls {
	void (*timer)(void *cookie, uint32_t n);
	void (*console)(void *cookie);
	void (*stop)(void *cookie);
	bool (*fault)(void *cookie, struct hyp_fault *fault);
};

/** HYP_MEM_NONE - offset in struct hyp_map: back to reserved address space, nothing accessible */
#define HYP_MEM_NONE UINT64_MAX
/** HYP_MEM_ANONYMOUS - offset in struct hyp_map: zeroed memory of this place alone, not a part of the memory object */
#define HYP_MEM_ANONYMOUS (UINT64_MAX - 1)

enum hyp_prot {
	HYP_PROT_NONE = 0,
	HYP_PROT_READ = 1,
	HYP_PROT_WRITE = 2,
	HYP_PROT_EXEC = 4,
};

/**
 * struct hyp_map - one piece of a mem_map() batch
 * @addr:   first address, inside one reservation
 * @size:   bytes
 * @offset: into the memory object, or HYP_MEM_NONE, or HYP_MEM_ANONYMOUS
 * @prot:   enum hyp_prot, or-ed
 * @reserved: 0
 *
 * @addr, @size and @offset are multiples of the page size. The object may be mapped any number of times: all mappings
 * show the same bytes.
 */
struct hyp_map {
	void *addr;
	size_t size;
	uint64_t offset;
	uint32_t prot;
	uint32_t reserved;
};

/** enum hyp_thread_flags - in struct hyp_thread_attr */
enum hyp_thread_flags {
	HYP_THREAD_JOINABLE = 1, /* someone will thread_join() it; else it is gone when it ends */
};

/**
 * struct hyp_thread_attr - how to create a thread
 * @name:       for the host's tools; cut to what the host can show; may be NULL
 * @stack_size: least bytes of stack; 0: the platform's choice
 * @cpu:        virtual CPU that the thread belongs to, a hint; -1: none
 * @flags:      enum hyp_thread_flags, or-ed
 */
struct hyp_thread_attr {
	const char *name;
	size_t stack_size;
	int32_t cpu;
	uint32_t flags;
};

/** enum hyp_entropy_flags - for entropy() */
enum hyp_entropy_flags {
	HYP_ENTROPY_HARD = 1, /* from the source behind /dev/random */
	HYP_ENTROPY_NOWAIT = 2, /* give what is there, even nothing, rather than wait */
};

/**
 * struct hyp_ops - the hypercalls
 * @version: HYP_VERSION of the platform
 * @size:    sizeof(struct hyp_ops) of the platform
 * @name:    of the platform ("posix"), for messages
 *
 * A platform defines one constant table and returns it from hyp_platform(). A kernel keeps a pointer to it.
 */
struct hyp_ops {
	uint32_t version;
	uint32_t size;
	const char *name;

	/**
	 * init() - make an instance
	 * @version: HYP_VERSION that the caller was built with
	 * @config:  the owner's wishes; copied
	 * @upcalls: copied; the functions must stay valid until fini()
	 * @cookie:  first argument of every upcall
	 * @h:       out: the instance
	 * @info:    out: what it offers
	 * Return: 0; -HYP_EINVAL for a version or configuration that it does not serve; -HYP_ENOMEM; -HYP_EMFILE when
	 * the host lets this process open no more files; -HYP_ENOSYS from a platform that cannot run kernels at all.
	 * When it is what @config asks, or descriptors, the console has been told.
	 */
	int (*init)(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
		    struct hyp **h, struct hyp_info *info);
	/**
	 * fini() - free an instance with its timers, reservations, memory object and thread slots
	 *
	 * All its threads have ended and been joined, and no other thread is inside a call or will make one. Blocks
	 * until no upcall runs any more. Exit hooks of living threads are forgotten.
	 */
	void (*fini)(struct hyp *h);
	/**
	 * exit() - tell the owner that this kernel has ended; the host process goes on
	 * @status: 0 for an orderly end, else the kernel's own number (a panic is -1)
	 * @reason: one line, terminated; copied; may be NULL
	 *
	 * Returns where there is a host to return to: the caller then leaves the kernel. The first call counts.
	 */
	void (*exit)(struct hyp *h, int status, const char *reason);

	/**
	 * mem_reserve() - take address space; nothing is accessible or charged yet
	 * @size:  bytes, a multiple of the page size
	 * @align: a power of two, at least the page size; 0: the page size
	 * @hint:  wished address, or NULL; no promise
	 * @addr:  out: first address
	 * Return: 0, -HYP_ENOMEM, -HYP_EINVAL
	 */
	int (*mem_reserve)(struct hyp *h, size_t size, size_t align, void *hint, void **addr);
	/** mem_unreserve() - give back a whole reservation and whatever is mapped in it */
	int (*mem_unreserve)(struct hyp *h, void *addr, size_t size);
	/**
	 * mem_map() - set what addresses show, in order, for a batch
	 * @map: @n pieces, each within one reservation
	 * Return: 0; -HYP_ENOMEM when the host or the mapping budget gives no more; -HYP_EINVAL; pieces before the one
	 * that failed have been done. After -HYP_ENOMEM the failed one is HYP_MEM_NONE, or as it was where even a hole
	 * in what surrounds it would be a mapping too many; after -HYP_EINVAL it is as it was.
	 */
	int (*mem_map)(struct hyp *h, const struct hyp_map *map, size_t n);
	/**
	 * mem_commit() - make sure of memory behind mapped, writable addresses
	 *
	 * Afterwards no access to these addresses fails for want of memory. Memory never touched reads as zero.
	 * Return: 0; -HYP_ENOMEM, then nothing is newly promised; -HYP_EINVAL where nothing writable is mapped.
	 */
	int (*mem_commit)(struct hyp *h, void *addr, size_t size);
	/**
	 * mem_release() - give memory behind mapped addresses back to the host
	 *
	 * The pages of the object are gone from every mapping of them and read as zero when touched or committed again.
	 */
	int (*mem_release)(struct hyp *h, void *addr, size_t size);
	/** mem_sync_code() - instructions were written here: make them visible to every thread */
	int (*mem_sync_code)(struct hyp *h, void *addr, size_t size);

	/**
	 * thread_create() - start @fn(@arg) on a new thread of the platform's
	 * @attr:   copied; NULL: the defaults
	 * @thread: out: handle for thread_join(); NULL allowed unless joinable
	 * Return: 0, -HYP_EAGAIN, -HYP_ENOMEM, -HYP_EINVAL. The thread may run before @thread is written.
	 */
	int (*thread_create)(struct hyp *h, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
			     struct hyp_thread **thread);
	/** thread_exit() - end the calling thread, which thread_create() made; runs its exit hooks */
	void (*thread_exit)(struct hyp *h) __attribute__((noreturn));
	/** thread_join() - wait for the end of a joinable thread and free its handle; blocks */
	int (*thread_join)(struct hyp *h, struct hyp_thread *thread);
	/**
	 * thread_slot() - one word for this host thread and this instance, NULL at first
	 * Return: its address, the same until the thread ends; NULL when there is no memory for it
	 */
	void **(*thread_slot)(struct hyp *h);
	/**
	 * thread_on_exit() - run @fn(@arg) on the calling thread when it ends, in reverse order of registration
	 *
	 * The slot is still there then. For any host thread, also one that the platform did not create.
	 * Return: 0, -HYP_ENOMEM
	 */
	int (*thread_on_exit)(struct hyp *h, void (*fn)(void *arg), void *arg);
	/** yield() - let other threads of the host run */
	void (*yield)(struct hyp *h);
	/**
	 * thread_id() - a number for this host thread, by which thread_kick() finds it
	 * Return: it; 0 on a platform that cannot interrupt threads, where nobody is ever kicked
	 */
	uint32_t (*thread_id)(struct hyp *h);
	/**
	 * thread_kick() - interrupt a host thread: its fault upcall is asked, with HYP_FAULT_KICK, before it goes on
	 * @id: from thread_id() of that thread; it may have ended
	 *
	 * For threads that run the kernel's code and do not look up from it. Not waited for: it comes when the host runs
	 * that thread next, and not at all while the program holds such interruptions off.
	 * Return: 0; -HYP_ENOENT when there is no such thread any more; -HYP_EAGAIN; -HYP_ENOSYS, also without the upcall
	 */
	int (*thread_kick)(struct hyp *h, uint32_t id);

	/**
	 * wait() - sleep while *@word is @expected; blocks
	 * @deadline: HYP_FOREVER, or when to stop waiting; one in the past makes this a test
	 * Return: 0 when woken or when *@word differed, perhaps for no reason at all; -HYP_ETIMEDOUT
	 *
	 * Orders memory as a sequentially consistent read of *@word before sleeping. No wake-up is lost: whoever stores
	 * to *@word and then calls wake() ends every wait() that had read the old value. A word is known by its address:
	 * another mapping of the same memory is another word.
	 */
	int (*wait)(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline);
	/** wake() - end up to @n waits on @word. Return: how many. Safe in a handler that an upcall runs in. */
	int (*wake)(struct hyp *h, uint32_t *word, uint32_t n);
	/** wake_wait() - wake() one on @wake_word, then wait(), with one switch where the host can; blocks */
	int (*wake_wait)(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline);

	/** clock_monotonic() - nanoseconds since an arbitrary point; never goes back, stands still in no sleep of threads */
	uint64_t (*clock_monotonic)(struct hyp *h);
	/** clock_realtime() - nanoseconds since 1970-01-01 00:00 UTC */
	uint64_t (*clock_realtime)(struct hyp *h);
	/**
	 * timer_set() - arm timer @n for @deadline, or disarm it with HYP_FOREVER
	 *
	 * One shot: the upcall comes once, at or soon after the deadline, at once for one in the past. Setting it again
	 * replaces the deadline; an upcall for the old one may still come in that moment.
	 * Return: 0; -HYP_EINVAL for a timer that info did not promise; -HYP_EAGAIN or -HYP_ENOMEM where the first use
	 * of timers needs a thread of the host's and there is none
	 */
	int (*timer_set)(struct hyp *h, uint32_t n, uint64_t deadline);

	/** console_write() - output for the owner; may be cut into pieces, never dropped in part; may block */
	void (*console_write)(struct hyp *h, const char *text, size_t len);
	/** console_read() - up to @size bytes of input. Return: bytes, 0 when there is nothing now */
	long (*console_read)(struct hyp *h, char *buf, size_t size);
	/**
	 * param_get() - ask the owner for a value by name
	 * Return: its length; -HYP_ENOENT; -HYP_ERANGE when it does not fit in @size with its terminator
	 */
	int (*param_get)(struct hyp *h, const char *name, char *value, size_t size);
	/**
	 * entropy() - random bytes of the host's, of any length; may block without HYP_ENTROPY_NOWAIT
	 * Return: bytes written, fewer than @size only with HYP_ENTROPY_NOWAIT; -HYP_EIO
	 */
	long (*entropy)(struct hyp *h, void *buf, size_t size, uint32_t flags);
};

/**
 * hyp_platform() - the platform that this program is linked with
 * Return: its constant table
 */
const struct hyp_ops *hyp_platform(void);

HYP_ASSERT(sizeof(struct hyp_iovec) == 2 * sizeof(void *), "same layout as the host's struct iovec");
HYP_ASSERT(sizeof(struct hyp_map) == 2 * sizeof(void *) + 16, "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_info) == 24, "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_ops) == 8 + 28 * sizeof(void *), "crosses a boundary");

#ifdef __cplusplus
}
#endif

#endif
