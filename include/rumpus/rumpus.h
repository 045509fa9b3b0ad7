/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * librumpus: run a kernel inside this process and make system calls to it.
 *
 * All functions return 0 or more for success and a negative errno for failure. They are safe on any thread unless they
 * say otherwise, not in signal handlers (a call from one that interrupted a call gives -EDEADLK), and not in a forked
 * child (-ESHUTDOWN; the parent is untouched). System calls by name are in <rumpus/syscalls.h>.
 *
 * Embedding a kernel is not a security boundary: see doc/security.md.
 */
#ifndef RUMPUS_RUMPUS_H
#define RUMPUS_RUMPUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rumpus;
struct rumpus_process;
struct hyp_blk;
struct hyp_net;
struct rumpus_user_ops;

/**
 * struct rumpus_config - how to boot; all zero is a good choice
 * @size:         sizeof(struct rumpus_config) of the caller
 * @cpus:         virtual CPUs; more than the kernel was built for, 16, are as 16; 0: as many as this process may use
 * @memory:       most bytes of memory that the kernel may ever use, at least 32 MiB, in steps of 32 MiB; 0: half of what
 *                the host has, or lets this process have (control groups, ulimit -v). It begins with a few megabytes and
 *                gives back what is free
 * @image:        path of the kernel image; or, without a slash or a dot, the name of another one that is installed: "net"
 *                is linux-net.img; NULL: the environment's RUMPUS_IMAGE, else the installed linux.img
 * @command_line: added to the kernel's command line, at most 1791 bytes; NULL: nothing
 * @log:          takes the kernel's console output as it comes, on any thread, on a stack with 8 KiB left; NULL: discard
 *                (dmesg keeps it)
 * @ended:        the kernel ended by itself (status 0: power off, -1: panic); on any thread, may not call librumpus
 * @arg:          first argument of the two
 * @cache:        bytes of page cache and other caches beyond which memory does not grow for them, at least 4 MiB; 0: 256 MiB
 * @mappings:     most mappings of the host's that the kernel's vmalloc area may take, at least 683; 0: an eighth of what
 *                the host allows
 * @components:   path of the directory of components (drivers to be loaded, see doc/components.md), or of the one that it
 *                lies in under the name of the kernel's release; "": none; NULL: the environment's RUMPUS_COMPONENTS,
 *                else the image's, if there are any
 *
 * The last three may be missing, as @size tells.
 */
struct rumpus_config {
	size_t size;
	unsigned int cpus;
	uint64_t memory;
	const char *image;
	const char *command_line;
	void (*log)(void *arg, const char *text, size_t len);
	void (*ended)(void *arg, int status, const char *reason);
	void *arg;
	uint64_t cache;
	uint32_t mappings;
	const char *components;
};

/**
 * rumpus_boot() - load a fresh kernel image and boot it; blocks, some milliseconds
 * @config: copied, strings too; NULL: all defaults
 * @kernel: out: the handle; free with rumpus_halt()
 *
 * The calling thread's system calls go to this kernel afterwards (rumpus_process_enter()), and so do those of threads
 * that have entered no process, if it is the only kernel. When it fails, @log of the configuration has been told why.
 * Return: 0; -ENOENT, -ENOEXEC, -EACCES for the image; -EINVAL for what the configuration asks; -ENOMEM, -EMFILE, -EAGAIN
 * (no threads) for what the host does not give; -ESHUTDOWN when it ended while booting.
 */
int rumpus_boot(const struct rumpus_config *config, struct rumpus **kernel);

/**
 * rumpus_halt() - end a kernel and free all that it had; blocks
 *
 * Writes nothing back: unmount what must be clean. Calls in progress on other threads return -ESHUTDOWN first.
 * Disks that it had are closed. Not from a thread that is inside a call of this kernel (-EDEADLK).
 */
int rumpus_halt(struct rumpus *kernel);

/**
 * rumpus_end_reason() - why a kernel ended by itself
 * Return: one line, valid until rumpus_halt(); NULL while it runs
 */
const char *rumpus_end_reason(const struct rumpus *kernel);

/** rumpus_version() - of the kernel that runs ("Linux 6.12.117"); valid until rumpus_halt() */
const char *rumpus_version(const struct rumpus *kernel);

/**
 * rumpus_process_create() - a new process: own descriptors, credentials, working directory, signals
 * @kernel:  where
 * @process: out: free with rumpus_process_destroy()
 *
 * It starts as root, in "/", with no open descriptor. See doc/processes.md for its signals.
 * Return: 0; -ENOMEM; -EAGAIN when there are as many processes and threads, the kernel's own some 40 among them, as it
 * takes: one for each 256 KiB of the configuration's @memory, at least 500, at most 32768; -ESHUTDOWN
 */
int rumpus_process_create(struct rumpus *kernel, struct rumpus_process **process);

/**
 * rumpus_process_create_remote() - the same for a process whose memory is reached by @ops
 * @ops:    see <rumpus/image.h>; must stay valid until rumpus_process_destroy()
 * @cookie: first argument of @ops
 */
int rumpus_process_create_remote(struct rumpus *kernel, const struct rumpus_user_ops *ops, void *cookie,
				 struct rumpus_process **process);

/** rumpus_process_destroy() - end it and close its descriptors; -EBUSY while threads of it are inside a call */
int rumpus_process_destroy(struct rumpus_process *process);

/** rumpus_process_first() - the process that exists from boot; never destroyed */
struct rumpus_process *rumpus_process_first(struct rumpus *kernel);

/**
 * rumpus_process_enter() - the calling thread's next system calls are those of @process
 *
 * Cheap when the thread was in @process before. Attaching happens by itself at the first call, detaching when the host
 * thread ends or by rumpus_thread_detach().
 */
int rumpus_process_enter(struct rumpus_process *process);

/** rumpus_thread_detach() - end what the calling thread is in every kernel, as if it ended; it may attach again */
void rumpus_thread_detach(void);

/**
 * struct rumpus_thread - names a thread for rumpus_thread_interrupt()
 */
struct rumpus_thread;

/** rumpus_thread_self() - the calling thread in its present process; valid until it detaches; NULL when that fails */
struct rumpus_thread *rumpus_thread_self(void);

/**
 * rumpus_thread_interrupt() - end the call that @thread is in, if it can be interrupted, with -EINTR
 *
 * Safe in signal handlers.
 */
void rumpus_thread_interrupt(struct rumpus_thread *thread);

/**
 * rumpus_thread_on_wait() - be told each time that the calling thread is about to sleep inside a call
 * @told: on this thread, on a stack with 8 KiB left; it may be asked often, must be quick, may neither block nor call
 *        librumpus; NULL: nobody is told any more
 * @arg:  its argument
 *
 * For servers in which another thread is to go on with what this one would have done next.
 */
void rumpus_thread_on_wait(void (*told)(void *arg), void *arg);

/**
 * rumpus_disk_add() - open a block device by specification and attach it
 * @spec: as hyp_blk_open() in <rumpus/hyp_blk.h>
 * @read_only: open what is behind for reading alone
 * @name: out: of the device node in /dev, with that directory
 * @error: one line that names what is wrong, on failure; may be NULL
 *
 * Partitions appear as NAMEp1 and so on. Blocks while they are read.
 */
int rumpus_disk_add(struct rumpus *kernel, const char *spec, int read_only, char name[32], char *error,
		    size_t error_size);

/**
 * rumpus_disk_attach() - the same for a device that is open already
 *
 * It belongs to the kernel when this succeeds, and when the kernel ended while it was being attached.
 */
int rumpus_disk_attach(struct rumpus *kernel, struct hyp_blk *disk, char name[32]);

/**
 * rumpus_component_load() - load a driver that is not part of the image, and first what it depends on; blocks
 * @name:       of a component ("vfat", "dm-crypt"), or another name for what it offers ("fs-vfat", "crypto-xts")
 * @parameters: of the driver, "name=value ..."; not for those that it depends on; NULL: none
 * @error:      one line that names what is wrong, on failure; may be NULL
 *
 * The kernel does this by itself when it finds one missing, as in mount(2), until rumpus_components_close(). Each file is
 * checked against the index of the directory first. What is loaded stays until it is unloaded or the kernel is halted.
 * Return: 0, also when it is loaded already or part of the image; -ENOENT: there is none of this name; -ENOEXEC: the
 * file is damaged or was built for another kernel; -ENOMEM; what the driver returned
 */
int rumpus_component_load(struct rumpus *kernel, const char *name, const char *parameters, char *error,
			  size_t error_size);

/**
 * rumpus_component_unload() - unload a driver that nobody uses; what it depends on stays; blocks
 * @error: as for rumpus_component_load()
 * Return: 0; -EAGAIN, -EBUSY while it is in use; -ENOENT when it is not loaded
 */
int rumpus_component_unload(struct rumpus *kernel, const char *name, char *error, size_t error_size);

/**
 * rumpus_components_close() - close the directory: from now on the kernel maps no new code and opens no file
 *
 * For programs that lock themselves down. What is loaded stays and works.
 */
int rumpus_components_close(struct rumpus *kernel);

/**
 * rumpus_net_add() - open a network device by specification and attach it
 * @spec: as hyp_net_open() in <rumpus/hyp_net.h>
 * @name: out: of the interface ("net0"), which is down
 * @error: one line that names what is wrong, on failure; may be NULL
 *
 * Return: 0; as hyp_net_open(); -EOPNOTSUPP when the kernel has no network: boot the image linux-net.img
 */
int rumpus_net_add(struct rumpus *kernel, const char *spec, char name[32], char *error, size_t error_size);

/**
 * rumpus_net_attach() - the same for a device that is open already
 *
 * It belongs to the kernel when this succeeds, and when the kernel ended while it was being attached.
 */
int rumpus_net_attach(struct rumpus *kernel, struct hyp_net *net, char name[32]);

/** rumpus_net_remove() - detach an interface that was added, up or not, and close its device; -ENOENT */
int rumpus_net_remove(struct rumpus *kernel, const char *name);

/**
 * rumpus_net_up(), rumpus_net_down() - start and stop an interface, also "lo"
 * Return: 0, -ENODEV without such an interface
 */
int rumpus_net_up(struct rumpus *kernel, const char *name);
int rumpus_net_down(struct rumpus *kernel, const char *name);

/**
 * rumpus_net_address() - give an interface an address
 * @address: with the bits of its network: "10.0.2.15/24", "fd00::2/64"; other stations are not asked whether they have it
 * Return: 0, -EINVAL for an address that is none, -ENODEV, -EEXIST
 */
int rumpus_net_address(struct rumpus *kernel, const char *name, const char *address);

/**
 * rumpus_net_route() - add a route
 * @destination: "10.1.0.0/16", "fd01::/64", or "default"
 * @gateway:     address of the next station, or NULL: the destination is on the interface's own network
 * @name:        the interface, or NULL: that of the gateway
 * Return: 0, -EINVAL, -ENODEV, -EEXIST, -ENETUNREACH for a gateway that no interface leads to, -ENETDOWN
 */
int rumpus_net_route(struct rumpus *kernel, const char *destination, const char *gateway, const char *name);

/**
 * rumpus_net_configure() - give an interface all that it needs to be used, and start it; blocks
 * @name: of the interface ("net0", also "lo")
 * @settings: words with blanks between them, each optional, in any order:
 *            "10.0.2.15/24", "fd00::2/64"    an address, up to eight;
 *            "dhcp"           IPv4 address, default route and name servers from a DHCP server;
 *            "auto"           wait until the kernel has an IPv6 address from a router's advertisement;
 *            "via=10.0.2.2"   gateway of the default route, one for each family;
 *            "dns=10.0.2.3"   a name server, up to eight;
 *            "mtu=1500"       bytes;
 *            "wait=10"        seconds that "dhcp" and "auto" each wait at most
 * @error: one line that names what is wrong and the remedy, on failure; may be NULL
 *
 * What was done before something failed stays done. A lease from DHCP that ends is extended in time by a thread of the
 * library's, "rumpus-dhcp", which sleeps until then and ends with the interface or the kernel. When no server extends it,
 * or refuses to, the address goes, with its name servers, and the thread asks for another one, once a minute; the kernel's
 * log has a line about either. "dhcp" once more replaces the lease that there is by the new one, with its address, route and
 * name servers; when nobody gives one, the old one goes on.
 * Return: 0; -EINVAL for settings that are not understood, or a gateway in no network of the interface; -ENODEV without
 * such an interface; -EEXIST for an address or route that is there; -EADDRINUSE when another station has the address;
 * -ETIMEDOUT when nobody answered; -EOPNOTSUPP when the kernel has no network
 */
int rumpus_net_configure(struct rumpus *kernel, const char *name, const char *settings, char *error, size_t error_size);

/**
 * rumpus_net_name_servers() - what rumpus_net_configure() was given or learnt, for resolvers, in this order: given ones,
 * those of DHCP, those of routers; they go with their interface, and those of DHCP with the lease
 * @list: out: addresses with blanks between them ("10.0.2.3 fec0::3"); link-local ones with "%" and the interface
 * @size: bytes of @list; 520 are always enough
 * Return: how many; -ENOSPC when @list is too small
 */
int rumpus_net_name_servers(struct rumpus *kernel, char *list, size_t size);

/**
 * rumpus_syscall() - one system call by number, as on the host's CPU
 * @number: SYS_xxx of <sys/syscall.h>
 *
 * Takes six arguments, unused ones 0. The functions of <rumpus/syscalls.h> are this with types.
 * Return: as the kernel: 0 or more, or a negative errno; -ESHUTDOWN without a kernel or after its end; -ESRCH when the
 * process that the thread is in was destroyed or killed, until it enters another; -EDEADLK in a signal handler that
 * interrupted a call.
 */
long rumpus_syscall(long number, long a, long b, long c, long d, long e, long f);

#ifdef __cplusplus
}
#endif

#endif
