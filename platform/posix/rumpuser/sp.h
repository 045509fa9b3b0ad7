/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server side of the system-call proxy; nobody else includes this.
 *
 * Threads are all alike: they wait for events, serve a client as long as its messages come quickly, and wait again. A
 * client has one role: who holds it reads from the connection. A thread that has read a system call runs it itself and
 * keeps the role, so that a call costs one receive and one send. When the call is about to sleep in the kernel, the
 * thread gives the role away (sp_role_release()): to a thread that waits for events on the connection, or, when
 * messages have already been received, to one that is woken. A call that waits for an answer of its client (copyin)
 * reads that itself while it has the role. A call that neither sleeps nor ends must not hold up the client's others:
 * the role is lent while the kernel has the thread (sp_role_offer()), and after some milliseconds the watcher takes it
 * away. A client whose threads wait for each other's calls has it given away before each.
 *
 * Lock order: server, client, output of a client. None is held while the kernel is called or the network waited for,
 * but the output lock, whose holder may wait until the peer takes more; so nobody waits for that lock with the role.
 */
#ifndef POSIX_RUMPUSER_SP_H
#define POSIX_RUMPUSER_SP_H

#include <pthread.h>
#include <stdatomic.h>

#include "internal.h"
#include "sp_stream.h"
#include "sp_wire.h"

/** Most system calls that a client has under way; further ones fail with EAGAIN there */
#define SP_CALLS_MAX 512
/** Most preforks of a client that wait for their child */
#define SP_PREFORKS_MAX 64
/** How long a prefork waits when its client has gone, in seconds */
#define SP_ORPHAN_SECONDS 60

/**
 * enum sp_role - who reads from a connection
 * @SP_ROLE_HELD:  a thread, or the queue of jobs
 * @SP_ROLE_ARMED: nobody; the next message is an event
 * @SP_ROLE_OVER:  nobody any more
 * @SP_ROLE_LENT:  from here on, the address of &sp_self of the thread that has it, but lets the watcher take it
 */
enum sp_role {
	SP_ROLE_HELD,
	SP_ROLE_ARMED,
	SP_ROLE_OVER,
	SP_ROLE_LENT,
};

enum sp_wait {
	SP_WAIT_AWAKE,
	SP_WAIT_ASLEEP,
	SP_WAIT_DONE,
};

/**
 * struct sp_waiter - a request of ours that the client has not answered yet
 * @request: its number
 * @data, @size: room for the answer
 * @exact:  an answer of another length is none
 * @got:    bytes of the answer
 * @failed: there is no answer
 * @done:   futex word, SP_WAIT_*; the struct may be gone as soon as it says SP_WAIT_DONE
 */
struct sp_waiter {
	struct sp_waiter *next;
	uint64_t request;
	void *data;
	size_t size;
	bool exact;
	size_t got;
	bool failed;
	_Atomic uint32_t done;
};

/**
 * struct sp_client - a connection, and the process inside the kernel that belongs to it
 * @id:      unlike any other's
 * @name:    for messages: number, process or address
 * @role:    enum sp_role
 * @next, @link: list and hash chain of clients, server lock
 * @job:     next in the queue of jobs, server lock, or of the watcher's
 * @watched: @lends when the watcher looked last; its own
 * @doomed:  nothing that it says counts any more
 *
 * The holder of the role:
 * @stream:  receiving side
 * @running: the handshake is over; @pid and @main are valid, constant until the end
 * @lends:   how often the role was lent; the watcher reads it
 * @offers:  how many calls to come give the role away before they begin; any thread of its
 *
 * Under @lock:
 * @gone:    the connection has ended
 * @users:   threads that serve it, and calls; the last one ends the process when @gone
 * @calls:   system calls under way
 * @preforks: of its, each holds on to this struct
 * @ended:   the process inside has, too; only preforks still hold on
 * @exec:    in exec: no calls but the last ones, no fork
 * @exec_pending: exec waits for @calls to end; then @exec_request is answered
 * @waiters: requests of ours
 * @next_request: number of the next one
 *
 * Under @out_lock:
 * @out:     messages that are to be sent with the next one that cannot wait
 */
struct sp_client {
	uint64_t id;
	char name[96];
	_Atomic uintptr_t role;
	struct sp_client *next, **link;
	struct sp_client *job;
	uint64_t watched;
	atomic_bool doomed;
	struct sp_stream stream;
	bool running;
	pid_t pid;
	struct lwp *main;
	_Atomic uint64_t lends;
	_Atomic uint32_t offers;

	pthread_mutex_t lock;
	bool gone, ended;
	unsigned int users;
	unsigned int calls;
	unsigned int preforks;
	bool exec, exec_pending;
	uint64_t exec_request;
	char exec_name[SP_NAME_MAX + 1];
	struct sp_waiter *waiters;
	uint64_t next_request;

	pthread_mutex_t out_lock;
	_Atomic uint32_t out_used;
	unsigned char out[SP_STREAM_BUFFER];
};

/**
 * struct sp_thread - the calling thread
 * @client:  that it serves, or NULL
 * @role:    it has the role of @client, unless it is @lent: then sp_role_held() tells
 * @keep:    and must not give it away, because it is at work with the main lwp
 * @lwp:     it has an lwp in the process of @client
 * @request: number of the system call that it runs, with @calling
 */
struct sp_thread {
	struct sp_client *client;
	bool role;
	bool lent;
	bool keep;
	bool lwp;
	bool calling;
	uint64_t request;
};

extern __thread struct sp_thread sp_self;

/* sp_server.c: the server and its threads */

/** sp_job_push() - let another thread serve @c, whose role goes along */
void sp_job_push(struct sp_client *c);
/** sp_role_arm() - make the next message of @c an event */
void sp_role_arm(struct sp_client *c);
/** sp_visit() - call @visit for every client, with the server's lock */
void sp_visit(void (*visit)(struct sp_client *c, void *arg), void *arg);
/** sp_forget() - the client can no longer be found; its socket is closed */
void sp_forget(struct sp_client *c);
/** sp_stopping() - the kernel is going down: no more upcalls */
bool sp_stopping(void);

/* sp_client.c: clients and their role */

/** sp_client_new() - @fd becomes its; NULL without memory */
struct sp_client *sp_client_new(int fd, uint64_t id, const char *name);
/** sp_client_enter() - use @c from a thread that may not be serving it. Return: false when its connection has ended */
bool sp_client_enter(struct sp_client *c);
/** sp_client_leave() - the end of what sp_client_enter() allowed */
void sp_client_leave(struct sp_client *c);
/** sp_client_drop() - one prefork fewer that holds on to @c */
void sp_client_drop(struct sp_client *c);
/** sp_client_ready() - is there something to do for who has the role, without waiting? */
bool sp_client_ready(struct sp_client *c);
/** sp_serve() - work for @c with its role, until it is given away */
void sp_serve(struct sp_client *c);
/** sp_role_release() - the calling thread no longer reads for its client, if it did */
void sp_role_release(void);
/** sp_role_pass() - give the role of @c to whom the next message will find */
void sp_role_pass(struct sp_client *c);
/** sp_role_held() - does the calling thread read for its client? If it had lent the role, it has it back, or lost it.
 */
bool sp_role_held(void);
/**
 * sp_role_offer() - the kernel gets the calling thread, so that others may read for its client
 *
 * The role, if it is the caller's, is lent until sp_role_held(); or it is given away, if that was of use lately.
 */
void sp_role_offer(void);
/** sp_role_take() - read for the client that the calling thread serves, if nobody does. Return: whether it does now */
bool sp_role_take(void);
/** sp_blame() - end the connection of @c with a message that says why */
void sp_blame(struct sp_client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* sp_watch.c: who has the role and does not come back */

/** sp_watch() - see to it that the watcher is awake, because a role has been lent */
void sp_watch(void);
/** sp_watch_end() - let the watcher end, because sp_stopping() */
void sp_watch_end(void);

/* sp_lwp.c: upcalls of threads that hold no virtual CPU; they do nothing once the kernel goes down */

/** sp_lwp_guest() - a new process without files for @c; its lwp becomes current. Return: 0, a NetBSD errno */
int sp_lwp_guest(struct sp_client *c, const char *name);
/** sp_lwp_fork() - a process of @c like that of @parent, its files shared or copied; its lwp becomes current */
int sp_lwp_fork(struct sp_client *c, struct lwp *parent, bool copy);
/** sp_lwp_current() - the current lwp, and the number of its process */
struct lwp *sp_lwp_current(pid_t *pid);
/** sp_lwp_leave() - have no current lwp; it goes on to exist */
void sp_lwp_leave(void);
/** sp_lwp_end() - end @l and its process with its last lwp */
void sp_lwp_end(struct lwp *l);
/** sp_lwp_kill() - let all lwps of the process of @l leave the kernel */
void sp_lwp_kill(struct lwp *l);
/** sp_lwp_exec() - the process of @l has executed @name */
void sp_lwp_exec(struct lwp *l, const char *name);
/** sp_lwp_need() - have an lwp in the process @pid as current one, which stays over calls. Return: a NetBSD errno */
int sp_lwp_need(pid_t pid);
/** sp_lwp_drop() - end that lwp, if there is one */
void sp_lwp_drop(void);
/** sp_lwp_call() - a system call of the current lwp. Return: a NetBSD errno */
int sp_lwp_call(int number, void *arguments, long *retval);

/* sp_output.c: what is sent to a client */

/**
 * sp_output() - send a message to @c, and all before it that waits
 * @header: its length is filled in
 * Return: whether the client can get it. Waits until it takes it, and gives the role away then.
 */
bool sp_output(struct sp_client *c, struct sp_header *header, const void *data, size_t size, const void *more,
	       size_t more_size);
/** sp_output_append() - let a message to @c wait for the next. Return: false when that is not possible at once */
bool sp_output_append(struct sp_client *c, struct sp_header *header, const void *data, size_t size, const void *more,
		      size_t more_size);
/** sp_output_try() - send what waits, if that is possible at once */
void sp_output_try(struct sp_client *c);
/** sp_respond() - answer a request of the client's */
bool sp_respond(struct sp_client *c, uint64_t request, enum sp_type type, const void *data, size_t size);
/** sp_refuse() - answer a request of the client's with an error */
void sp_refuse(struct sp_client *c, uint64_t request, enum sp_error error);

/* sp_request.c: what clients ask for */

/** sp_request() - do what the message at the beginning of the stream of @c asks for, and take it */
void sp_request(struct sp_client *c, const struct sp_header *header);
/** sp_exec_finish() - end an exec that has waited for the last call */
void sp_exec_finish(struct sp_client *c);

/* sp_fork.c: preforks */

/** sp_prefork() - a new process like that of @c, for a child yet to come */
void sp_prefork(struct sp_client *c, uint64_t request);
/** sp_prefork_adopt() - let @c take the process over that was made for @fork; answers, also when that fails */
void sp_prefork_adopt(struct sp_client *c, uint64_t request, const struct sp_fork *fork);
/** sp_prefork_orphan() - @c has gone: its preforks do not wait forever */
void sp_prefork_orphan(struct sp_client *c);
/** sp_prefork_sweep() - end orphans whose time is over. Return: whether there are others */
bool sp_prefork_sweep(void);

/* sp_copy.c: what the kernel asks of clients */

/** sp_answer() - deliver the message at the beginning of the stream of @c to whom it answers, and take it */
void sp_answer(struct sp_client *c, const struct sp_header *header);
/** sp_waiters_fail() - no answers will come */
void sp_waiters_fail(struct sp_client *c);

#endif
