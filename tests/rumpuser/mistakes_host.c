// SPDX-License-Identifier: BSD-2-Clause
/* Mistakes in clocks, threads, lwps, and what a kernel has of its host */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mistakes.h"

enum { MONOTONIC = RUMPUSER_CLOCK_ABSMONO };

static int clock_back(int clock, int64_t *s, long *ns)
{
	int error = sound.clock_gettime(clock, s, ns);

	if (every(1000))
		*s -= 1;
	return error;
}

static int clock_milliseconds(int clock, int64_t *s, long *ns)
{
	int error = sound.clock_gettime(clock, s, ns);

	*ns = *s * 1000 + *ns / 1000000;
	return error;
}

static int clock_of_boot(int clock, int64_t *s, long *ns)
{
	return sound.clock_gettime(MONOTONIC, s, ns);
}

static int sleep_interrupted(int clock, int64_t s, long ns)
{
	const struct timespec time = { .tv_sec = s, .tv_nsec = ns };
	int n, error;

	up.hyp_backend_unschedule(0, &n, NULL);
	error = clock_nanosleep(CLOCK_MONOTONIC, clock == MONOTONIC ? TIMER_ABSTIME : 0, &time, NULL);
	up.hyp_backend_schedule(n, NULL);
	return error;
}

static int sleep_again(int clock, int64_t s, long ns)
{
	return sleep_interrupted(clock, s, ns) == EINTR ? 0 : 0;
}

static int sleep_less(int clock, int64_t s, long ns)
{
	if (clock != MONOTONIC)
		return sound.clock_sleep(clock, s, ns / 8);
	return ns > 20000000 ? sound.clock_sleep(clock, s, ns - 20000000)
			     : sound.clock_sleep(clock, s - 1, 980000000 + ns);
}

static int sleep_relative(int clock, int64_t s, long ns)
{
	return sound.clock_sleep(RUMPUSER_CLOCK_RELWALL, s, ns);
}

static int sleep_absolute(int clock, int64_t s, long ns)
{
	return sound.clock_sleep(MONOTONIC, s, ns);
}

static int sleep_keeps(int clock, int64_t s, long ns)
{
	int error;

	twist = KEEPS;
	error = sound.clock_sleep(clock, s, ns);
	twist = UPRIGHT;
	return error;
}

/**
 * struct start - a thread that does not start as it ought to
 */
struct start {
	void *(*fn)(void *arg);
	void *arg;
	struct lwp *creator;
	bool inside;
};

static void *start(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	if (s.inside)
		up.hyp_schedule();
	else
		sound.curlwpop(RUMPUSER_LWP_SET, s.creator);
	return s.fn(s.arg);
}

static int create(struct start s, const char *name, int mustjoin, int priority, int cpu, void **thread)
{
	struct start *copy = malloc(sizeof(s));

	*copy = s;
	return sound.thread_create(start, copy, name, mustjoin, priority, cpu, thread);
}

static int create_inherits(void *(*fn)(void *), void *arg, const char *name, int mustjoin, int priority, int cpu,
			   void **thread)
{
	return create((struct start){ fn, arg, sound.curlwp(), false }, name, mustjoin, priority, cpu, thread);
}

static int create_inside(void *(*fn)(void *), void *arg, const char *name, int mustjoin, int priority, int cpu,
			 void **thread)
{
	return create((struct start){ fn, arg, NULL, true }, name, mustjoin, priority, cpu, thread);
}

static int create_without_argument(void *(*fn)(void *), void *arg, const char *name, int mustjoin, int priority,
				   int cpu, void **thread)
{
	static char other[512];

	return sound.thread_create(fn, name && !strcmp(name, "bare") ? other : arg, name, mustjoin, priority, cpu,
				   thread);
}

static int join_nobody(void *thread)
{
	return 0;
}

static int join_keeps(void *thread)
{
	int error;

	twist = KEEPS;
	error = sound.thread_join(thread);
	twist = UPRIGHT;
	return error;
}

static struct lwp *shared;

static void lwp_shared(int op, struct lwp *l)
{
	if (op == RUMPUSER_LWP_SET)
		shared = l;
	else if (op == RUMPUSER_LWP_CLEAR)
		shared = NULL;
}

static struct lwp *curlwp_shared(void)
{
	return shared;
}

static __thread struct lwp *own;

static void lwp_kept(int op, struct lwp *l)
{
	if (op == RUMPUSER_LWP_SET)
		own = l;
}

static struct lwp *curlwp_kept(void)
{
	return own;
}

static int init_any_version(int version, const struct rumpuser_hyperup *upcalls)
{
	return init_twisted(RUMPUSER_VERSION, upcalls);
}

static int init_no_version(int version, const struct rumpuser_hyperup *upcalls)
{
	return 1;
}

static const struct rumpuser_hyperup *table;

static void table_unschedule(int nlocks, int *countp, void *interlock)
{
	table->hyp_backend_unschedule(nlocks, countp, interlock);
}

/* Keeps a pointer to the table, which the kernel uses again for something else. */
static int init_by_reference(int version, const struct rumpuser_hyperup *upcalls)
{
	struct rumpuser_hyperup mine = *upcalls;

	table = upcalls;
	mine.hyp_backend_unschedule = table_unschedule;
	return sound.init(version, &mine);
}

static int param_empty(const char *name, void *buf, size_t size)
{
	int error = sound.getparam(name, buf, size);

	if (error == NB_ENOENT)
		*(char *)buf = '\0';
	return error == NB_ENOENT ? 0 : error;
}

static int param_two_cpus(const char *name, void *buf, size_t size)
{
	if (strcmp(name, RUMPUSER_PARAM_NCPU) != 0)
		return sound.getparam(name, buf, size);
	strcpy(buf, "2");
	return 0;
}

static int param_one_name(const char *name, void *buf, size_t size)
{
	if (strcmp(name, RUMPUSER_PARAM_HOSTNAME) != 0)
		return sound.getparam(name, buf, size);
	strcpy(buf, "rumpus");
	return 0;
}

static int param_overflows(const char *name, void *buf, size_t size)
{
	return sound.getparam(name, buf, size < 64 ? 64 : size);
}

static void exit_fine(int status)
{
	_exit(0);
}

static void exit_no_core(int status)
{
	_exit(status & 0xff);
}

static void put_nothing(int character)
{
}

static void print_format(const char *format, ...)
{
	fputs(format, stderr);
}

static int random_stingy(void *buf, size_t size, int flags, size_t *got)
{
	int error = sound.getrandom(buf, size > 32 ? 32 : size, flags, got);

	*got = size;
	return error;
}

static int random_lavish(void *buf, size_t size, int flags, size_t *got)
{
	return sound.getrandom(buf, size + 1, flags, got);
}

static int random_the_same(void *buf, size_t size, int flags, size_t *got)
{
	memset(buf, 4, size); /* chosen by fair dice roll */
	*got = size;
	return 0;
}

static int kill_host_number(int64_t pid, int sig)
{
	return kill(getpid(), sig) ? NB_EINVAL : 0;
}

static void errno_translated(int error)
{
	sound.seterrno(error == NB_ENAMETOOLONG ? ENAMETOOLONG : error);
}

static void errno_not(int error)
{
}

static int translate_nothing(int error)
{
	return error;
}

static int translate_too_little(int error)
{
	return error == EPROTO ? NB_EINVAL : sound.component_errtrans(error);
}

static int done_always_fine(int error)
{
	return sound.daemonize_done(0);
}

static int begin_nothing(void)
{
	return 0;
}

static void *unschedule_keeps(void)
{
	void *cookie;

	twist = KEEPS;
	cookie = sound.component_unschedule();
	twist = UPRIGHT;
	return cookie;
}

static void schedule_forgets(void *cookie)
{
	sound.component_schedule(NULL);
}

static void kthread_nothing(void)
{
}

static void switch_nothing(struct lwp *l)
{
}

static int serve_other_name(const char *url, const char *ostype, const char *osrelease, const char *machine)
{
	return sound.sp_init(url, osrelease, ostype, machine);
}

static void fini_nobody(void *client)
{
	sound.sp_fini(NULL);
}

static int copyin_less(void *client, const void *remote, void *local, size_t size)
{
	return sound.sp_copyin(client, remote, local, size > 1 ? size - 1 : size);
}

static int copyin_keeps(void *client, const void *remote, void *local, size_t size)
{
	int error;

	twist = KEEPS;
	error = sound.sp_copyin(client, remote, local, size);
	twist = UPRIGHT;
	return error;
}

static int copyout_nothing(void *client, const void *local, void *remote, size_t size)
{
	return 0;
}

static int copyinstr_room(void *client, const void *remote, void *local, size_t *size)
{
	size_t room = *size;

	return sound.sp_copyinstr(client, remote, local, &room);
}

static int copyoutstr_nothing(void *client, const void *local, void *remote, size_t *size)
{
	return 0;
}

static int anonmmap_nowhere(void *client, size_t size, void **remote)
{
	int error = sound.sp_anonmmap(client, size, remote);

	*remote = NULL;
	return error;
}

static int raise_another(void *client, int sig)
{
	return sound.sp_raise(client, sig + 1);
}

static int one_process(void *priv, int flags, const char *comm)
{
	return up.hyp_lwproc_newlwp(1);
}

static int init_one_process(int version, const struct rumpuser_hyperup *upcalls)
{
	struct rumpuser_hyperup mine = *upcalls;

	up = *upcalls;
	mine.hyp_lwproc_rfork = one_process;
	return sound.init(version, &mine);
}

const struct mistake host_mistakes[] = {
	{ "clock: goes back now and then", "clock", { .clock_gettime = clock_back } },
	{ "clock: milliseconds", "clock", { .clock_gettime = clock_milliseconds } },
	{ "clock: wall time since boot", "clock", { .clock_gettime = clock_of_boot } },
	{ "sleep: returns EINTR", "clock", { .clock_sleep = sleep_interrupted } },
	{ "sleep: a signal ends it", "clock", { .clock_sleep = sleep_again } },
	{ "sleep: too short", "clock", { .clock_sleep = sleep_less } },
	{ "sleep: too short", "ticker", { .clock_sleep = sleep_less } },
	{ "sleep: until a time is for a time", "ticker", { .clock_sleep = sleep_relative } },
	{ "sleep: for a time is until a time", "clock", { .clock_sleep = sleep_absolute } },
	{ "sleep: keeps the virtual CPU", "clock", { .clock_sleep = sleep_keeps } },
	{ "thread: starts with its creator's lwp", "thread", { .thread_create = create_inherits } },
	{ "thread: starts inside", "thread", { .thread_create = create_inside } },
	{ "thread: gets another argument", "thread", { .thread_create = create_without_argument } },
	{ "join: does not wait", "thread", { .thread_join = join_nobody } },
	{ "join: keeps the virtual CPU", "thread", { .thread_join = join_keeps } },
	{ "lwp: one for all threads", "lwp", { .curlwpop = lwp_shared, .curlwp = curlwp_shared } },
	{ "lwp: clear does nothing", "lwp", { .curlwpop = lwp_kept, .curlwp = curlwp_kept } },
	{ "init: any version will do", "init", { .init = init_any_version } },
	{ "init: no version will do", "init", { .init = init_no_version } },
	{ "init: the upcalls are not copied", "mutex", { .init = init_by_reference } },
	{ "getparam: what is not set is empty", "init", { .getparam = param_empty } },
	{ "getparam: always two CPUs", "init", { .getparam = param_two_cpus } },
	{ "getparam: all kernels have one name", "init", { .getparam = param_one_name } },
	{ "getparam: does not look at the size", "init", { .getparam = param_overflows } },
	{ "exit: always 0", "init", { .exit = exit_fine } },
	{ "exit: a panic is an exit", "init", { .exit = exit_no_core } },
	{ "putchar: nothing", "init", { .putchar = put_nothing } },
	{ "dprintf: the format alone", "init", { .dprintf = print_format } },
	{ "daemonize: the parent always exits with 0", "init", { .daemonize_done = done_always_fine } },
	{ "daemonize: no fork", "init", { .daemonize_begin = begin_nothing } },
	{ "getrandom: says more than there is", "host", { .getrandom = random_stingy } },
	{ "getrandom: writes more than it may", "host", { .getrandom = random_lavish } },
	{ "getrandom: always the same", "host", { .getrandom = random_the_same } },
	{ "kill: the host's numbers", "host", { .kill = kill_host_number } },
	{ "seterrno: translates", "host", { .seterrno = errno_translated } },
	{ "seterrno: nothing", "host", { .seterrno = errno_not } },
	{ "errtrans: nothing", "component", { .component_errtrans = translate_nothing } },
	{ "errtrans: one is missing", "component", { .component_errtrans = translate_too_little } },
	{ "unschedule: keeps the virtual CPU", "component", { .component_unschedule = unschedule_keeps } },
	{ "schedule: forgets the lock depth", "component", { .component_schedule = schedule_forgets } },
	{ "kthread: gives no lwp", "component", { .component_kthread = kthread_nothing } },
	{ "kthread_release: nothing", "component", { .component_kthread_release = kthread_nothing } },
	{ "switchlwp: nothing", "component", { .component_switchlwp = switch_nothing } },
	{ "server: another name", "server", { .sp_init = serve_other_name } },
	{ "server: all clients are one process", "server", { .init = init_one_process } },
	{ "fini: the call is not answered", "server", { .sp_fini = fini_nobody } },
	{ "copyin: less than was asked for", "server", { .sp_copyin = copyin_less } },
	{ "copyin: keeps the virtual CPU", "server", { .sp_copyin = copyin_keeps } },
	{ "copyout: nothing", "server", { .sp_copyout = copyout_nothing } },
	{ "copyinstr: does not say how much", "server", { .sp_copyinstr = copyinstr_room } },
	{ "copyoutstr: nothing", "server", { .sp_copyoutstr = copyoutstr_nothing } },
	{ "sp_anonmmap: nowhere", "server", { .sp_anonmmap = anonmmap_nowhere } },
	{ "sp_raise: another signal", "server", { .sp_raise = raise_another } },
	{ NULL, NULL, { NULL } },
};
