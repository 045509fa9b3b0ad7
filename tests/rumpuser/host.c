// SPDX-License-Identifier: BSD-2-Clause
/* What a rump kernel has of its host: initialisation, parameters, errno, signals, console, entropy, the end */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

static void init_any(void *arg)
{
	_exit(ru.init(*(int *)arg, &kernel_upcalls) ? 1 : 0);
}

static void versions(void)
{
	static const int wrong[] = { 0, 1, 16, 18, -1, 1 << 16 | 17 };
	char said[512];
	int version = RUMPUSER_VERSION, status;
	size_t i, better = 0;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		status = suite_fork(init_any, (void *)&wrong[i], said, sizeof(said));
		tap_ok(status != 0, "version %d is refused", wrong[i]);
		better += WIFEXITED(status);
	}
	suite_better(better == i, "the caller is told, not ended");
	suite_better(strstr(said, "17") != NULL, "with a message that names the right one");
	tap_is(suite_fork(init_any, &version, said, sizeof(said)), 0, "version 17 is not");
}

static int parameter(const char *name, char *buf, size_t size)
{
	memset(buf, '#', size);
	return ru.getparam(name, buf, size);
}

static void say_hostname(void *arg)
{
	char name[256];

	ru.getparam(RUMPUSER_PARAM_HOSTNAME, name, sizeof(name));
	printf("%s", name);
	fflush(stdout);
	_exit(0);
}

static void say_cpus(void *arg)
{
	char value[64] = "?";

	setenv("RUMP_NCPU", arg, 1);
	if (ru.init(RUMPUSER_VERSION, &kernel_upcalls) || ru.getparam(RUMPUSER_PARAM_NCPU, value, sizeof(value)))
		_exit(1);
	printf("%s", value);
	fflush(stdout);
	_exit(0);
}

static void parameters(void)
{
	char value[256], other[256];
	int error;

	tap_is(parameter(RUMPUSER_PARAM_NCPU, value, sizeof(value)), 0, "number of virtual CPUs");
	tap_ok(atoi(value) >= 1, "%s", value);
	tap_is(suite_fork(say_cpus, "3", value, sizeof(value)), 0, "RUMP_NCPU=3");
	tap_ok(!strcmp(value, "3"), "%s", value);
	tap_is(suite_fork(say_cpus, "host", value, sizeof(value)), 0, "RUMP_NCPU=host");
	tap_is(atoi(value), sysconf(_SC_NPROCESSORS_ONLN), "as many as the host has");
	tap_is(parameter(RUMPUSER_PARAM_HOSTNAME, value, sizeof(value)), 0, "host name");
	tap_ok(value[0] && value[0] != '#' && memchr(value, '\0', sizeof(value)), "%.80s", value);
	suite_fork(say_hostname, NULL, other, sizeof(other));
	tap_ok(strcmp(value, other) != 0, "two kernels have two names");
	unsetenv("RUMP_VERBOSE");
	tap_is(parameter("RUMP_VERBOSE", value, sizeof(value)), NB_ENOENT, "a parameter that is not set");
	setenv("RUMP_VERBOSE", "very much so", 1);
	tap_ok(!parameter("RUMP_VERBOSE", value, sizeof(value)) && !strcmp(value, "very much so"), "one that is");
	memset(value, '#', sizeof(value));
	error = parameter("RUMP_VERBOSE", value, 5);
	tap_ok(error > 0 && error <= NB_ELAST && value[5] == '#', "a buffer that is too small: error %d", error);
	memset(value, '#', sizeof(value));
	error = parameter(RUMPUSER_PARAM_HOSTNAME, value, 2);
	suite_better(error > 0 && error <= NB_ELAST && value[2] == '#', "for the host name, too");
	error = parameter("_RUMPUSER_NOSUCH", value, sizeof(value));
	tap_ok(error > 0 && error <= NB_ELAST, "a mandatory parameter that there is not: error %d", error);
}

static void end_with(void *arg)
{
	ru.exit(*(int *)arg);
}

static void ends(void)
{
	int zero = 0, seven = 7, panic = RUMPUSER_PANIC, status;

	tap_is(suite_fork(end_with, &zero, NULL, 0), 0, "exit 0");
	status = suite_fork(end_with, &seven, NULL, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "exit 7: status %#x", status);
	status = suite_fork(end_with, &panic, NULL, 0);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "a panic aborts: status %#x", status);
}

static void talk(void *arg)
{
	const char *text = "put one by one\n";

	ru.dprintf("printed %d %s\n", 42, "things");
	while (*text)
		ru.putchar(*text++);
	ru.exit(0);
}

static void console(void)
{
	char said[256];

	suite_fork(talk, NULL, said, sizeof(said));
	tap_ok(strstr(said, "printed 42 things\n") != NULL, "dprintf");
	tap_ok(strstr(said, "put one by one\n") != NULL, "putchar");
}

/* The parent of the daemon is the child of this program, and never returns from the call. */
static void daemonize(void *arg)
{
	int error = *(int *)arg;

	if (ru.daemonize_begin() != 0)
		_exit(98);
	printf("%s", getsid(0) == getpid() ? "leads " : "follows ");
	fflush(stdout);
	ru.daemonize_done(error);
	_exit(97);
}

static void die_early(void *arg)
{
	ru.daemonize_begin();
	_exit(0);
}

static void daemons(void)
{
	int none = 0, some = 5, status;
	char said[256];

	status = suite_fork(daemonize, &none, said, sizeof(said));
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "8: the parent of a daemon exits with 0: status %#x",
	       status);
	tap_ok(strstr(said, "leads") != NULL, "which leads a session");
	status = suite_fork(daemonize, &some, NULL, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 5, "8: or with its error: status %#x", status);
	status = suite_fork(die_early, NULL, NULL, 0);
	suite_better(WIFEXITED(status) && WEXITSTATUS(status) != 0, "8: or with one when it dies without a word");
}

static void bootstrap_modules(const struct modinfo *const *modules, size_t count)
{
	rule(modules || !count, "dl_bootstrap: modules that are none");
}

static int bootstrap_symbols(void *symbols, uint64_t symbols_size, char *names, uint64_t names_size)
{
	rule(symbols && names && symbols_size && names_size, "dl_bootstrap: an empty table of symbols");
	return 0;
}

static void bootstrap_component(const struct rump_component *component)
{
	rule(component, "dl_bootstrap: a component that is none");
}

void test_init(void)
{
	versions();
	parameters();
	ends();
	console();
	daemons();
	kernel_boot(2, NULL);
	ru.dl_bootstrap(bootstrap_modules, bootstrap_symbols, bootstrap_component);
	tap_ok(lwp_current() != NULL, "a kernel boots");
}

static volatile sig_atomic_t caught;

static void catch (int number)
{
	caught = number;
}

static void signals(void)
{
	static const struct {
		int netbsd, host;
	} map[] = {
		{ 1, SIGHUP },	 { 2, SIGINT },	  { 3, SIGQUIT },  { 4, SIGILL },     { 5, SIGTRAP },  { 8, SIGFPE },
		{ 10, SIGBUS },	 { 11, SIGSEGV }, { 12, SIGSYS },  { 13, SIGPIPE },   { 14, SIGALRM }, { 15, SIGTERM },
		{ 16, SIGURG },	 { 18, SIGTSTP }, { 19, SIGCONT }, { 20, SIGCHLD },   { 21, SIGTTIN }, { 22, SIGTTOU },
		{ 23, SIGIO },	 { 24, SIGXCPU }, { 25, SIGXFSZ }, { 26, SIGVTALRM }, { 27, SIGPROF }, { 28, SIGWINCH },
		{ 30, SIGUSR1 }, { 31, SIGUSR2 },
	};
	struct sigaction action = { .sa_handler = catch }, old;
	size_t i;
	int n;

	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		sigaction(map[i].host, &action, &old);
		caught = 0;
		rule(!ru.kill(RUMPUSER_PID_SELF, map[i].netbsd), "kill fails");
		for (n = 0; n < 1000 && !caught; n++)
			host_sleep(MS);
		tap_is(caught, map[i].host, "NetBSD's signal %d", map[i].netbsd);
		sigaction(map[i].host, &old, NULL);
	}
	suite_better(ru.kill(RUMPUSER_PID_SELF, 99) == NB_EINVAL, "a signal that there is not: EINVAL");
}

static bool all_equal(const unsigned char *p, size_t n, unsigned char value)
{
	while (n && *p == value) {
		p++;
		n--;
	}
	return !n;
}

static void random_bytes(size_t size)
{
	static unsigned char buf[10000 + 16];
	size_t got = 4242;
	int error;

	memset(buf, 0, sizeof(buf));
	call_begin("getrandom", MAY_LEAVE, NULL);
	error = ru.getrandom(buf, size, 0, &got);
	call_end();
	if (!tap_ok(!error && got <= size && (got || !size), "%zu of %zu random bytes, error %d", got, size, error))
		return;
	tap_ok(all_equal(buf + size, 16, 0), "nothing is written behind them");
	tap_ok(got < 16 || (!all_equal(buf, 8, 0) && !all_equal(buf + got - 8, 8, 0)), "all are filled in");
	suite_better(got == size, "all that were asked for");
}

static void entropy(void)
{
	static const size_t sizes[] = { 0, 1, 16, 32, 33, 255, 257, 4096, 10000 };
	unsigned char a[16] = { 0 }, b[16] = { 0 };
	size_t i, got;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		random_bytes(sizes[i]);
	ru.getrandom(a, 16, RUMPUSER_RANDOM_NOWAIT, &got);
	ru.getrandom(b, 16, RUMPUSER_RANDOM_NOWAIT | RUMPUSER_RANDOM_HARD, &got);
	tap_ok(memcmp(a, b, 16) != 0, "they differ");
}

static void *other_errno(void *arg)
{
	errno = 1;
	ru.seterrno(77);
	return NULL;
}

static void errors(void)
{
	pthread_t thread;

	errno = 0;
	ru.seterrno(63);
	tap_is(errno, 63, "errno is set, as it is");
	pthread_create(&thread, NULL, other_errno, NULL);
	pthread_join(thread, NULL);
	tap_is(errno, 63, "by another thread, it stays");
	ru.seterrno(0);
	tap_is(errno, 0, "to 0, too");
}

void test_host(void)
{
	errors();
	signals();
	entropy();
}
