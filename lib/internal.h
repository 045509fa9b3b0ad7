/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of librumpus share: kernels, their processes, and host threads in them.
 *
 * A host thread that is known to a kernel has a visit there; in a visit it has one rumpus_thread for each process that
 * it made calls in. Visits end with the host thread (a hook of the platform's) or with the kernel, so that nothing
 * points to a host thread or a kernel that is gone.
 *
 * One lock, rumpus_lock, guards everything but the way of a system call through the gate. It is never held while the
 * image or a callback of the program's runs.
 */
#ifndef LIB_INTERNAL_H
#define LIB_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rumpus/hyp.h>
#include <rumpus/hyp_blk.h>
#include <rumpus/image.h>
#include <rumpus/rumpus.h>

#include "component.h"
#include "debug.h"
#include "loader.h"

#define unlikely(condition) __builtin_expect(!!(condition), 0)

enum {
	REASON_SIZE = 256, /* bytes of a kernel's last words, with the terminator */
	NAME_SERVERS_MAX = 24,
};

/**
 * struct rumpus_thread - a host thread in a process
 * @syscall: of the image, copied here to be near
 * @image:   the image's half
 * @kernel:  NULL when this is free; rumpus_thread_interrupt() reads it without the lock
 * @process: whose thread it is
 * @host:    the host thread
 * @in_visit: list of the visit's, or of free ones
 *
 * Never given back to the allocator: a stale pointer to one names a free or another thread, not other memory.
 */
struct rumpus_thread {
	long (*syscall)(struct rumpus_image_thread *thread, long number, const long args[6]);
	struct rumpus_image_thread *image;
	struct rumpus *kernel;
	struct rumpus_process *process;
	struct host_thread *host;
	LIST_ENTRY(rumpus_thread) in_visit;
};

LIST_HEAD(rumpus_thread_list, rumpus_thread);

/**
 * struct visit - a host thread that is known to a kernel
 * @kernel, @host: the two
 * @threads: one for each process
 * @in_host, @in_kernel: lists of theirs
 */
struct visit {
	struct rumpus *kernel;
	struct host_thread *host;
	struct rumpus_thread_list threads;
	LIST_ENTRY(visit) in_host;
	LIST_ENTRY(visit) in_kernel;
};

LIST_HEAD(visit_list, visit);

/**
 * struct host_thread - the calling thread; thread-local
 * @current: next calls go here; written by this thread and, to NULL, by whoever ends @current
 * @inside:  the gate: what this thread is using now; &host_thread_busy while it changes the records, NULL outside
 * @entered: as @current, guarded by rumpus_lock; NULL: the default rule
 * @gone:    what calls return until the thread enters a process, since the one that it had entered is gone; 0: none was
 * @cancel:  cancellation state of the program's, while the thread is in librumpus itself
 * @chosen:  it entered by rumpus_process_enter() or rumpus_boot(), not by the default rule
 * @visits:  all kernels that know it
 * @on_wait, @on_wait_arg: see rumpus_thread_on_wait()
 */
struct host_thread {
	struct rumpus_thread *current;
	struct rumpus_thread *inside;
	struct rumpus_thread *entered;
	int gone;
	int cancel;
	bool chosen;
	struct visit_list visits;
	void (*on_wait)(void *arg);
	void *on_wait_arg;
};

/**
 * struct rumpus_process - a process
 * @kernel: where
 * @image:  the image's half; NULL: the first process
 * @users:  threads that are attaching to it
 * @in_kernel: list of the kernel's
 */
struct rumpus_process {
	struct rumpus *kernel;
	struct rumpus_image_process *image;
	unsigned int users;
	LIST_ENTRY(rumpus_process) in_kernel;
};

LIST_HEAD(rumpus_process_list, rumpus_process);

/**
 * struct device_class - what is done with the devices of one family
 * @add:    give it to the image, with a thread inside. Return: as rumpus_image_ops.disk_add()
 * @remove: take it back; the same
 * @close:  free it
 */
struct device_class {
	int (*add)(const struct rumpus_image_ops *ops, struct rumpus_image_thread *thread, void *hyp, char name[32]);
	int (*remove)(const struct rumpus_image_ops *ops, struct rumpus_image_thread *thread, void *hyp);
	void (*close)(void *hyp);
};

/**
 * struct device - an open device that belongs to a kernel
 * @class: its family
 * @hyp:   struct hyp_blk or the like
 * @name:  what the kernel calls it
 */
struct device {
	const struct device_class *class;
	void *hyp;
	char name[32];
	SLIST_ENTRY(device) in_kernel;
};

SLIST_HEAD(device_list, device);

struct dhcp_keeper;

LIST_HEAD(dhcp_keeper_list, dhcp_keeper);

/** enum net_origin - who told of a name server; those before are preferred */
enum net_origin { NET_FROM_CALLER, NET_FROM_DHCP, NET_FROM_ROUTER, NET_FROM_ANYBODY };

/**
 * struct name_server - one that a kernel's networks have
 * @text: its number, perhaps "%" and an interface
 * @interface: that is configured so
 */
struct name_server {
	char text[64];
	char interface[32];
	enum net_origin origin;
};

/**
 * struct rumpus - a kernel
 * @ops, @h, @info: its platform
 * @lent:    the same as the image gets it
 * @image:   where it lies; the upcalls look at image.ops, which is NULL until it is loaded
 * @debug:   the same, for debuggers
 * @config:  strings are only valid while rumpus_boot() runs
 * @log:     the file that RUMPUS_LOG names, or -1
 * @said:    there was console output
 * @first:   process that exists from boot
 * @dead:    rumpus_halt() has begun: nothing new begins
 * @pending: calls into the image that are not made as a thread of a process: attaching and the like
 * @visits, @processes, @devices: all that there are
 * @components: drivers that it can load
 * @name_servers, @name_server_count: that its networks have
 * @keepers: threads that extend leases
 * @version: a copy of the image's name for itself
 * @booting: the image's boot() has not returned, or refused: it has not ended, whatever it says
 * @ended:   0, then 1 while @reason and @end_status are written, then 2
 * @end_told: the program was told
 * @reason:  one line
 * @in_all:  list of running kernels
 */
struct rumpus {
	const struct hyp_ops *ops;
	struct hyp *h;
	struct hyp_info info;
	struct hyp_ops lent;
	struct loader_image image;
	struct rumpus_debug_image debug;
	struct rumpus_config config;
	int log;
	bool said;
	struct rumpus_process first;
	bool dead;
	unsigned int pending;
	struct visit_list visits;
	struct rumpus_process_list processes;
	struct device_list devices;
	struct components components;
	struct name_server name_servers[NAME_SERVERS_MAX];
	unsigned int name_server_count;
	struct dhcp_keeper_list keepers;
	char version[128];
	bool booting;
	bool end_told;
	int ended;
	int end_status;
	char reason[REASON_SIZE];
	LIST_ENTRY(rumpus) in_all;
};

LIST_HEAD(rumpus_list, rumpus);

/** rumpus_lock - guards all of the above; taken with api_begin() only, so that signal handlers find the thread busy */
extern pthread_mutex_t rumpus_lock;
/** rumpus_idle - with rumpus_lock: a kernel's @pending went to 0 */
extern pthread_cond_t rumpus_idle;
/** rumpus_kernels - those that serve calls */
extern struct rumpus_list rumpus_kernels;

/** host_thread_busy - stands in host_thread.inside for "in librumpus itself" */
extern struct rumpus_thread host_thread_busy;

/* initial-exec: one instruction to reach it, also in the shared library */
extern __thread struct host_thread host_self __attribute__((tls_model("initial-exec")));

/**
 * api_begin() - enter librumpus: takes rumpus_lock
 * Return: 0; -EDEADLK when this thread is inside already, in a signal handler or callback; -ESHUTDOWN in a forked child
 */
int api_begin(void);
/** api_end() - leave librumpus: releases rumpus_lock */
void api_end(void);

/** kernel_call_begin() - with the lock, released on success: a call into the image begins. Return: 0, -ESHUTDOWN */
int kernel_call_begin(struct rumpus *kernel);
/** kernel_call_end() - takes the lock again */
void kernel_call_end(struct rumpus *kernel);

/**
 * gate_pass() - make @call with the thread inside, so that it is waited for
 * @thread: of the calling host thread
 *
 * With the lock, which is released meanwhile and taken again.
 */
void gate_pass(struct rumpus_thread *thread, void (*call)(struct rumpus_thread *thread, void *arg), void *arg);

/**
 * gate_close() - with the lock: no new call of @thread begins
 *
 * Valid for calls on other threads only after host_fence_all(), which serves any number of threads.
 */
void gate_close(struct rumpus_thread *thread);
/** gate_inside() - after gate_close() and host_fence_all(): is the host thread in a call of @thread? */
bool gate_inside(const struct rumpus_thread *thread);
/** gate_forget() - with the lock, after gate_inside() said no: rumpus_thread_interrupt() uses @thread no more */
void gate_forget(struct rumpus_thread *thread);

/**
 * thread_use() - with the lock: the calling thread's record in @process, attached if need be
 *
 * Releases the lock while it attaches.
 * Return: 0, -ENOMEM, -EAGAIN, -ESHUTDOWN
 */
int thread_use(struct rumpus_process *process, struct rumpus_thread **thread);
/** thread_enter() - with the lock: the calling thread's next calls are those of @thread */
void thread_enter(struct rumpus_thread *thread, bool chosen);
/** thread_current() - with the lock: where the calling thread's calls go, by the default rule if need be */
int thread_current(struct rumpus_thread **thread);
/** thread_retire() - with the lock: take @thread out of its lists; calls return @gone if its host thread chose it */
void thread_retire(struct rumpus_thread *thread, int gone);
/** thread_free() - with the lock: recycle a retired record that no one is inside of */
void thread_free(struct rumpus_thread *thread);
/** visit_free() - with the lock: forget that a host thread knows a kernel, and its records there; nobody is inside */
void visit_free(struct visit *visit);

/** wait_lend() - fill in @lent: as the platform, but threads that want to know are told before they sleep */
void wait_lend(struct rumpus *kernel);

/** upcalls_of_kernel - what the platform calls: hands on to the image once it is there */
extern const struct hyp_upcalls upcalls_of_kernel;

/** kernel_log() - a message of the library's own for the owner's log */
void kernel_log(const struct rumpus *kernel, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** gate_call() - one system call of @process, whatever the calling thread is in; as rumpus_syscall() */
long gate_call(struct rumpus_process *process, long number, const long args[6]);

/**
 * device_attach() - give an open device to a kernel
 * @name:  out: what the kernel calls it
 * @taken: out: it is the kernel's now; also after -ESHUTDOWN when the kernel ended meanwhile
 */
int device_attach(struct rumpus *kernel, const struct device_class *class, void *hyp, char name[32], bool *taken);

/** device_remove() - take a device of a class back by its name and close it. Return: 0, -ENOENT, as the class */
int device_remove(struct rumpus *kernel, const struct device_class *class, const char *name);

/** net_drop_servers() - forget the name servers that came of an interface, from one origin or from NET_FROM_ANYBODY */
void net_drop_servers(struct rumpus *kernel, const char *name, enum net_origin origin);

/** dhcp_release() - keep the lease of an interface no longer, if there is one; waits for its thread */
void dhcp_release(struct rumpus *kernel, const char *name);
/** dhcp_release_all() - the same for all of them, with the lock, which is released meanwhile; the kernel is dead */
void dhcp_release_all(struct rumpus *kernel);

/** devices_close() - close all that @kernel had; no call uses them any more */
void devices_close(struct rumpus *kernel);

#endif
