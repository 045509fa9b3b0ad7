/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contract between librumpus and a kernel image: what the image exports, and who may call it when.
 *
 * An image is a position-independent ELF file without undefined symbols, thread-local storage or relocations other
 * than relative ones. Its only dynamic symbol is RUMPUS_IMAGE_SYMBOL, a constant struct rumpus_image_ops. Each boot
 * uses a fresh copy. Every call but boot() is made through librumpus's gate, which counts the threads inside, so that
 * none returns into memory that is gone.
 */
#ifndef RUMPUS_IMAGE_H
#define RUMPUS_IMAGE_H

#include <rumpus/hyp.h>
#include <rumpus/hyp_blk.h>
#include <rumpus/hyp_net.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RUMPUS_IMAGE_VERSION 1U
#define RUMPUS_IMAGE_SYMBOL "rumpus_image"

/** RUMPUS_IMAGE_ALIGN - alignment of the image's first byte in memory, in bytes */
#define RUMPUS_IMAGE_ALIGN 65536U

struct rumpus_image_thread;
struct rumpus_image_process;

/**
 * struct rumpus_user_ops - access to the memory of a process that lies elsewhere
 *
 * Both copy up to @len bytes and return how many were NOT copied, 0 for all, without a partial copy past the first byte
 * that cannot be accessed. They may block, and are called with a virtual CPU held.
 *
 * @read:  from @from in the process to @to here
 * @write: from @from here to @to in the process
 */
struct rumpus_user_ops {
	size_t (*read)(void *cookie, void *to, uintptr_t from, size_t len);
	size_t (*write)(void *cookie, uintptr_t to, const void *from, size_t len);
};

/**
 * struct rumpus_image_ops - entries of a kernel image
 * @version: RUMPUS_IMAGE_VERSION of the image
 * @size:    sizeof(struct rumpus_image_ops) of the image
 * @hyp_version: HYP_VERSION that the image was built with
 * @hyp_size:    sizeof(struct hyp_ops) that it was built with
 * @kernel:  upstream release ("Linux 6.12.117"), for messages
 * @upcalls: for hyp_ops.init(); their cookie is NULL
 *
 * An image and a library that differ in one of the four numbers do not fit; the loader refuses before anything runs.
 */
struct rumpus_image_ops {
	uint32_t version;
	uint32_t size;
	uint32_t hyp_version;
	uint32_t hyp_size;
	const char *kernel;
	struct hyp_upcalls upcalls;

	/**
	 * boot() - start the kernel on this thread; blocks until it serves system calls
	 * @ops, @h, @info: the platform, from hyp_ops.init() with @upcalls; @info is copied
	 * @command_line:   the kernel's own; copied
	 * Return: 0; -HYP_ENOMEM; -HYP_ESHUTDOWN when it ended while booting: the reason then went to hyp_ops.exit(), and
	 * halt() is called as after success. After any other error nothing of it runs.
	 */
	int (*boot)(const struct hyp_ops *ops, struct hyp *h, const struct hyp_info *info, const char *command_line);
	/**
	 * halt() - end the kernel: its calls in progress return -HYP_ESHUTDOWN, its threads end and are joined; blocks
	 *
	 * Nothing is written back: unmount or sync before. Afterwards no upcall comes and only fini() of the platform
	 * is left to do. Called on a thread that is not inside.
	 */
	void (*halt)(void);
	/**
	 * process_create() - a new process: own descriptors, credentials, working directory, signal state
	 * @ops, @cookie: its memory, or NULL for the memory of this host process
	 * Return: 0, -HYP_ENOMEM, -HYP_EAGAIN, -HYP_ESHUTDOWN
	 */
	int (*process_create)(const struct rumpus_user_ops *ops, void *cookie, struct rumpus_image_process **process);
	/** process_destroy() - end it: closes its descriptors. Its threads have detached. */
	void (*process_destroy)(struct rumpus_image_process *process);
	/**
	 * thread_attach() - make the calling host thread a thread of @process (NULL: the first one)
	 * Return: 0, -HYP_ENOMEM, -HYP_EAGAIN, -HYP_ESHUTDOWN
	 */
	int (*thread_attach)(struct rumpus_image_process *process, struct rumpus_image_thread **thread);
	/** thread_detach() - end it; by the host thread that attached it or, when that one will not use it, by any other */
	void (*thread_detach)(struct rumpus_image_thread *thread);
	/**
	 * syscall() - one system call, numbered as on the host's CPU
	 * Return: as the upstream kernel; -HYP_ESHUTDOWN after the end; -HYP_EINTR when a signal ended it
	 */
	long (*syscall)(struct rumpus_image_thread *thread, long number, const long args[6]);
	/**
	 * thread_interrupt() - end the system call that @thread is in, if it can be interrupted, with -HYP_EINTR
	 *
	 * From any thread or host signal handler. No effect on a thread that is in no call.
	 */
	void (*thread_interrupt)(struct rumpus_image_thread *thread);
	/**
	 * disk_add() - attach a block device
	 * @disk: open; belongs to the kernel until disk_remove() or halt()
	 * @name: out: of the device node, without /dev/, at most 32 bytes
	 * Return: 0, -HYP_ENOMEM, -HYP_EBUSY, -HYP_EINVAL when its capabilities cannot be served; -HYP_ESHUTDOWN when
	 * the kernel has ended: then, too, the disk is its own until halt()
	 */
	int (*disk_add)(struct rumpus_image_thread *thread, struct hyp_blk *disk, char name[32]);
	/** disk_remove() - the reverse. Return: 0, -HYP_EBUSY while it is open or mounted, -HYP_ENOENT */
	int (*disk_remove)(struct rumpus_image_thread *thread, struct hyp_blk *disk);
	/**
	 * components() - say who loads a component that the kernel finds missing; before boot()
	 * @load:   @name is what the upstream kernel asks its module loader for ("fs-vfat", "nls_koi8-r"). Called on a
	 *          thread that thread_create() made for it, which may attach and make system calls; what it returns,
	 *          0 or a negative errno, is the answer. No such call is in progress after halt().
	 * @cookie: first argument
	 *
	 * A kernel that nobody told finds none. One that cannot load components does nothing here.
	 */
	void (*components)(int (*load)(void *cookie, const char *name), void *cookie);
	/**
	 * net_add() - attach a network device; the interface is down
	 * @net:  open; belongs to the kernel until net_remove() or halt()
	 * @name: out: of the interface, at most 16 bytes
	 * Return: as disk_add(); -HYP_EOPNOTSUPP in an image without a network stack
	 */
	int (*net_add)(struct rumpus_image_thread *thread, struct hyp_net *net, char name[32]);
	/** net_remove() - the reverse, up or not. Return: 0, -HYP_ENOENT */
	int (*net_remove)(struct rumpus_image_thread *thread, struct hyp_net *net);
};

#ifdef __cplusplus
}
#endif

#endif
