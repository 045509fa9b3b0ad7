// SPDX-License-Identifier: BSD-2-Clause
/* Numbers and messages of rumpuser(3) that do not need a kernel: layouts, errors, signals, parameters, bad input */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rumpuser.h"
#include "../tap.h"

/* NetBSD's names in the order of its numbers, from 1 to ELAST of that revision */
static const char *const errors[] = {
	"EPERM",	   "ENOENT",	      "ESRCH",	       "EINTR",	       "EIO",	       "ENXIO",
	"E2BIG",	   "ENOEXEC",	      "EBADF",	       "ECHILD",       "EDEADLK",      "ENOMEM",
	"EACCES",	   "EFAULT",	      "ENOTBLK",       "EBUSY",	       "EEXIST",       "EXDEV",
	"ENODEV",	   "ENOTDIR",	      "EISDIR",	       "EINVAL",       "ENFILE",       "EMFILE",
	"ENOTTY",	   "ETXTBSY",	      "EFBIG",	       "ENOSPC",       "ESPIPE",       "EROFS",
	"EMLINK",	   "EPIPE",	      "EDOM",	       "ERANGE",       "EAGAIN",       "EINPROGRESS",
	"EALREADY",	   "ENOTSOCK",	      "EDESTADDRREQ",  "EMSGSIZE",     "EPROTOTYPE",   "ENOPROTOOPT",
	"EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP",    "EPFNOSUPPORT", "EAFNOSUPPORT", "EADDRINUSE",
	"EADDRNOTAVAIL",   "ENETDOWN",	      "ENETUNREACH",   "ENETRESET",    "ECONNABORTED", "ECONNRESET",
	"ENOBUFS",	   "EISCONN",	      "ENOTCONN",      "ESHUTDOWN",    "ETOOMANYREFS", "ETIMEDOUT",
	"ECONNREFUSED",	   "ELOOP",	      "ENAMETOOLONG",  "EHOSTDOWN",    "EHOSTUNREACH", "ENOTEMPTY",
	"EPROCLIM",	   "EUSERS",	      "EDQUOT",	       "ESTALE",       "EREMOTE",      "EBADRPC",
	"ERPCMISMATCH",	   "EPROGUNAVAIL",    "EPROGMISMATCH", "EPROCUNAVAIL", "ENOLCK",       "ENOSYS",
	"EFTYPE",	   "EAUTH",	      "ENEEDAUTH",     "EIDRM",	       "ENOMSG",       "EOVERFLOW",
	"EILSEQ",	   "ENOTSUP",	      "ECANCELED",     "EBADMSG",      "ENODATA",      "ENOSR",
	"ENOSTR",	   "ETIME",	      "ENOATTR",       "EMULTIHOP",    "ENOLINK",      "EPROTO",
};

static const char *const signals[] = {
	"HUP", "INT",  "QUIT", "ILL",	 "TRAP", "ABRT",  "EMT",  "FPE",  "KILL", "BUS",  "SEGV",
	"SYS", "PIPE", "ALRM", "TERM",	 "URG",	 "STOP",  "TSTP", "CONT", "CHLD", "TTIN", "TTOU",
	"IO",  "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "INFO", "USR1", "USR2", "PWR",
};

#define EINVAL_NETBSD 22

static unsigned int given_back, taken;

static void nothing(void)
{
}

static void backend_unschedule(int nlocks, int *count, void *interlock)
{
	given_back++;
	*count = 4711;
}

static void backend_schedule(int nlocks, void *interlock)
{
	taken += nlocks == 4711;
}

static const struct rumpuser_hyperup upcalls = {
	.hyp_schedule = nothing,
	.hyp_unschedule = nothing,
	.hyp_backend_unschedule = backend_unschedule,
	.hyp_backend_schedule = backend_schedule,
};

static int number_of(const char *name)
{
	size_t i;

	for (i = 0; name && i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (!strcmp(errors[i], name))
			return (int)i + 1;
	}
	return EINVAL_NETBSD;
}

static void check_errors(void)
{
	int number, expected, wrong = 0;

	for (number = 0; number < 200; number++) {
		expected = number == 0		  ? 0
			   : number == EOPNOTSUPP ? number_of("EOPNOTSUPP") /* the host has one number for two names */
						  : number_of(strerrorname_np(number));
		if (rumpuser_component_errtrans(number) != expected) {
			tap_note("%d (%s): %d, expected %d", number, strerrorname_np(number),
				 rumpuser_component_errtrans(number), expected);
			wrong++;
		}
	}
	tap_is(wrong, 0, "every errno of the host becomes NetBSD's of the same name, or EINVAL");
	tap_is(rumpuser_component_errtrans(-1), EINVAL_NETBSD, "no errno at all: EINVAL");
	errno = 0;
	rumpuser_seterrno(35);
	tap_is(errno, 35, "seterrno() sets the number as it is");
}

static volatile sig_atomic_t arrived;

static void handler(int sig)
{
	arrived = sig;
}

/* The host's number of a name, or 0 */
static int host_signal(const char *name)
{
	int sig;

	for (sig = 1; sig < 32; sig++) {
		if (!strcmp(sigabbrev_np(sig), name) || (sig == SIGIO && !strcmp(name, "IO")))
			return sig;
	}
	return 0;
}

/* Those that cannot be caught are left out. */
static void check_signals(void)
{
	int sig, host, error, sent = 0, wrong = 0;

	for (sig = 1; sig <= 32; sig++) {
		host = host_signal(signals[sig - 1]);
		if (host == SIGKILL || host == SIGSTOP)
			continue;
		if (host)
			signal(host, handler);
		arrived = 0;
		error = rumpuser_kill(RUMPUSER_PID_SELF, sig);
		if (arrived != host || error != (host ? 0 : EINVAL_NETBSD)) {
			tap_note("SIG%s: got %d and error %d, expected %d", signals[sig - 1], (int)arrived, error,
				 host);
			wrong++;
		}
		if (host)
			signal(host, SIG_DFL);
		sent += host != 0;
	}
	tap_ok(!wrong && sent == 28, "signals arrive as the host's of the same name, %d of them", sent);
	tap_is(rumpuser_kill(RUMPUSER_PID_SELF, 0), 0, "signal 0: there is such a process");
	tap_is(rumpuser_kill(0, 0), EINVAL_NETBSD, "a process group is no process");
	tap_is(rumpuser_kill(-2, 0), EINVAL_NETBSD, "nor is one named by a negative number");
	tap_is(rumpuser_kill((int64_t)1 << 32 | 1, 0), EINVAL_NETBSD, "nor one that the host's numbers cannot be");
	tap_is(rumpuser_kill(RUMPUSER_PID_SELF, 99), EINVAL_NETBSD, "a signal that nobody knows");
}

static void check_params(void)
{
	char value[128] = "untouched", small[2] = "x";

	tap_ok(!rumpuser_getparam(RUMPUSER_PARAM_NCPU, value, sizeof(value)) && atoi(value) >= 1, "CPUs: %s", value);
	setenv("RUMP_NCPU", "3", 1);
	tap_ok(!rumpuser_getparam(RUMPUSER_PARAM_NCPU, value, sizeof(value)) && atoi(value) == 3,
	       "as many as RUMP_NCPU says");
	setenv("RUMP_NCPU", "many", 1);
	tap_is(rumpuser_getparam(RUMPUSER_PARAM_NCPU, value, sizeof(value)), EINVAL_NETBSD, "but not \"many\"");
	setenv("RUMP_NCPU", "4294967297", 1);
	tap_is(rumpuser_getparam(RUMPUSER_PARAM_NCPU, value, sizeof(value)), EINVAL_NETBSD, "nor what overflows");
	unsetenv("RUMP_NCPU");
	tap_ok(!rumpuser_getparam(RUMPUSER_PARAM_HOSTNAME, value, sizeof(value)) && strlen(value) > 5, "host name: %s",
	       value);
	setenv("RUMP_TEST", "value", 1);
	unsetenv("RUMP_NONE");
	tap_ok(!rumpuser_getparam("RUMP_TEST", value, sizeof(value)) && !strcmp(value, "value"),
	       "from the environment");
	tap_is(rumpuser_getparam("RUMP_TEST", value, 6), 0, "a buffer that just fits");
	tap_is(rumpuser_getparam("RUMP_TEST", value, 5), 7, "one that is too small: E2BIG");
	tap_ok(rumpuser_getparam("RUMP_TEST", small, 0) == 7 && small[0] == 'x', "of no size: nothing is written");
	tap_ok(rumpuser_getparam("RUMP_NONE", value, sizeof(value)) == 2 && !strcmp(value, "value"),
	       "not set: ENOENT, and the buffer stays as it was");
	tap_is(rumpuser_getparam("_RUMPUSER_NONE", value, sizeof(value)), EINVAL_NETBSD,
	       "unknown and mandatory: EINVAL");
}

/* Runs @misuse in a child. Return: it was ended by @sig, and had said @said */
static bool ends(void (*misuse)(void), int sig, const char *said)
{
	char text[1024] = "";
	int pair[2], status = 0;
	size_t length = 0;
	ssize_t got;
	pid_t child;

	if (pipe(pair))
		tap_abort("pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		dup2(pair[1], STDERR_FILENO);
		close(pair[0]);
		close(pair[1]);
		alarm(20);
		misuse();
		_exit(0);
	}
	close(pair[1]);
	while (length < sizeof(text) - 1 && (got = read(pair[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	close(pair[0]);
	waitpid(child, &status, 0);
	if (sig ? WIFSIGNALED(status) && WTERMSIG(status) == sig : WIFEXITED(status))
		if (strstr(text, said))
			return true;
	tap_note("status %#x, said \"%s\"", status, text);
	return false;
}

static void unknown_version(void)
{
	if (!rumpuser_init(18, &upcalls))
		abort();
}

static void start(void)
{
	if (rumpuser_init(RUMPUSER_VERSION, &upcalls))
		_exit(9);
}

static void frees_a_stranger(void)
{
	static char chunk[8 << 20];

	start();
	rumpuser_free(chunk + (4 << 20), 16);
}

static void unmaps_a_stranger(void)
{
	start();
	rumpuser_unmap((void *)4096, 4096);
}

static void sets_twice(void)
{
	start();
	rumpuser_curlwpop(RUMPUSER_LWP_SET, (struct lwp *)16);
	rumpuser_curlwpop(RUMPUSER_LWP_SET, (struct lwp *)32);
}

static void clears_another(void)
{
	start();
	rumpuser_curlwpop(RUMPUSER_LWP_SET, (struct lwp *)16);
	rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, (struct lwp *)32);
}

static void asks_for_the_owner(void)
{
	struct rumpuser_mtx *mtx;
	struct lwp *owner;

	start();
	rumpuser_mutex_init(&mtx, RUMPUSER_MTX_SPIN);
	rumpuser_mutex_owner(mtx, &owner);
}

static void panics(void)
{
	int c;

	start();
	for (c = 0; c < 5; c++)
		rumpuser_putchar("panic"[c]);
	rumpuser_exit(RUMPUSER_PANIC);
}

static void forks(void)
{
	int status;

	start();
	rumpuser_curlwpop(RUMPUSER_LWP_SET, (struct lwp *)16);
	if (!fork()) {
		rumpuser_curlwp();
		_exit(0);
	}
	wait(&status);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		rumpuser_dprintf("the child goes on\n");
	if (rumpuser_curlwp() != (struct lwp *)16)
		rumpuser_dprintf("the parent has lost its lwp\n");
	abort();
}

static void daemonizes_late(void)
{
	start();
	if (rumpuser_daemonize_begin() != 16)
		abort();
}

static void check_misuse(void)
{
	tap_ok(ends(unknown_version, 0, "revision 18"), "init() with another version: refused with both numbers");
	tap_ok(ends(frees_a_stranger, SIGABRT, "rumpuser_free: "), "free() of foreign memory");
	tap_ok(ends(unmaps_a_stranger, SIGABRT, "rumpuser_unmap: "), "unmap() of foreign memory");
	tap_ok(ends(sets_twice, SIGABRT, "rumpuser_curlwpop: SET"), "SET on a thread that has an lwp");
	tap_ok(ends(clears_another, SIGABRT, "rumpuser_curlwpop: CLEAR"),
	       "CLEAR of an lwp that the thread does not have");
	tap_ok(ends(asks_for_the_owner, SIGABRT, "RUMPUSER_MTX_KMUTEX"), "the owner of a mutex that has none");
	tap_ok(ends(panics, SIGABRT, "panic"), "a panic: console output that is no line yet is not lost");
	tap_ok(ends(forks, SIGABRT, "is a forked child"), "a forked child hears why it ends; its parent goes on");
	tap_ok(ends(daemonizes_late, 0, "rump_daemonize_begin() before rump_init()"), "daemonizing a running kernel");
}

static void finishes(void)
{
	if (rumpuser_daemonize_begin() || getsid(0) != getpid())
		_exit(2);
	start();
	if (rumpuser_daemonize_done(0) || isatty(0))
		_exit(2);
	_exit(3);
}

static void fails(void)
{
	if (rumpuser_daemonize_begin())
		_exit(2);
	rumpuser_daemonize_done(42);
	_exit(3);
}

static void dies(void)
{
	if (rumpuser_daemonize_begin())
		_exit(2);
	abort();
}

static int status_of(void (*daemon)(void))
{
	pid_t child = fork();
	int status = 0;

	if (!child) {
		alarm(20);
		daemon();
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_daemonize(void)
{
	tap_is(status_of(finishes), 0, "daemonize: the parent exits with 0 when the child is ready");
	tap_is(status_of(fails), 42, "with what the child says");
	tap_is(status_of(dies), 1, "with 1 when the child dies before");
	tap_ok(ends(dies, 0, "ended by signal 6"), "and with a message");
}

/* Sizes and alignments at once, so that overlaps show */
static void check_memory(void)
{
	static const size_t sizes[] = { 0,    1,    16,	  17,	 100,	 512,	 1000,	  2048,		 2049,
					4096, 5000, 8192, 65536, 131072, 300000, 1 << 20, (1 << 20) + 1, 5 << 20 };
	static const int aligns[] = { 0, 16, 64, 4096, 65536, 1 << 20 };
	enum { N = sizeof(sizes) / sizeof(sizes[0]), A = sizeof(aligns) / sizeof(aligns[0]) };
	unsigned char *memory[N][A];
	bool right = true, intact = true;
	size_t i, j, k;

	for (i = 0; i < N; i++) {
		for (j = 0; j < A; j++) {
			void *got = NULL;

			right &= !rumpuser_malloc(sizes[i], aligns[j], &got) && got &&
				 !((uintptr_t)got & ((aligns[j] ? aligns[j] : 16) - 1));
			memory[i][j] = got;
			memset(got, (int)(i * A + j), sizes[i]);
		}
	}
	for (i = 0; i < N; i++) {
		for (j = 0; j < A; j++) {
			for (k = 0; k < sizes[i]; k++)
				intact &= memory[i][j][k] == (unsigned char)(i * A + j);
			rumpuser_free(memory[i][j], sizes[i]);
		}
	}
	tap_ok(right, "malloc: all sizes and alignments");
	tap_ok(intact, "no two pieces overlap");
	rumpuser_free(NULL, 0);
	memory[0][0] = (void *)1;
	tap_ok(rumpuser_malloc(16, 24, (void **)&memory[0][0]) == EINVAL_NETBSD && memory[0][0] == (void *)1,
	       "an alignment that is no power of two: EINVAL, and the pointer stays as it was");
	tap_is(rumpuser_malloc(SIZE_MAX / 2, 0, (void **)&memory[0][0]), 12, "more than there can be: ENOMEM");
	tap_is(rumpuser_malloc(SIZE_MAX - 1, 0, (void **)&memory[0][0]), 12, "and more than fits in a size: ENOMEM");
}

/* Whoever unlocks looks at the lock once more, when the next one may already have had it and destroyed it. */
static void check_lock_memory(void)
{
	enum { N = 256 };
	struct rumpuser_rw *locks[N];
	void *memory[N];
	int i, j, shared = 0;

	for (i = 0; i < N; i++)
		rumpuser_rw_init(&locks[i]);
	for (i = 0; i < N; i++)
		rumpuser_rw_destroy(locks[i]);
	for (i = 0; i < N; i++) {
		if (rumpuser_malloc(64, 0, &memory[i]))
			tap_abort("no memory");
		for (j = 0; j < N; j++)
			shared += memory[i] == locks[j];
	}
	tap_is(shared, 0, "what was a lock does not become other memory");
	for (i = 0; i < N; i++)
		rumpuser_free(memory[i], 64);
}

static void check_mappings(void)
{
	void *memory;
	size_t i, sum = 0;

	tap_ok(!rumpuser_anonmmap(NULL, 300000, 21, 0, &memory) && !((uintptr_t)memory & ((1 << 21) - 1)),
	       "anonmmap: aligned to 2 MiB");
	for (i = 0; i < 300000; i++)
		sum += ((unsigned char *)memory)[i];
	tap_is((long long)sum, 0, "and zero");
	rumpuser_unmap(memory, 300000);
	tap_ok(!mprotect(memory, 4096, PROT_NONE) ? false : errno == ENOMEM, "unmapped, nothing is there");
#if defined(__x86_64__)
	tap_ok(!rumpuser_anonmmap(NULL, 4096, 0, 1, &memory), "anonmmap: executable");
	memcpy(memory, "\xb8\x2a\0\0\0\xc3", 6); /* mov $42, %eax; ret */
	tap_is(((int (*)(void))memory)(), 42, "runs");
	rumpuser_unmap(memory, 4096);
#endif
	tap_is(rumpuser_anonmmap(NULL, 0, 0, 0, &memory), EINVAL_NETBSD, "of no size: EINVAL");
}

static void check_random(void)
{
	static unsigned char bytes[2][100000];
	unsigned int count[256] = { 0 }, i, seen = 0;
	size_t got[2] = { 0 };

	tap_ok(!rumpuser_getrandom(bytes[0], sizeof(bytes[0]), 0, &got[0]) && got[0] == sizeof(bytes[0]),
	       "random bytes of any length");
	rumpuser_getrandom(bytes[1], sizeof(bytes[1]), RUMPUSER_RANDOM_HARD | RUMPUSER_RANDOM_NOWAIT, &got[1]);
	for (i = 0; i < got[0]; i++)
		count[bytes[0][i]]++;
	for (i = 0; i < 256; i++)
		seen += count[i] > 250 && count[i] < 550;
	tap_is(seen, 256, "all values, about as often");
	tap_ok(got[1] && memcmp(bytes[0], bytes[1], got[1]), "never the same");
	tap_is(rumpuser_getrandom(bytes[0], 1, 4, &got[0]), EINVAL_NETBSD, "an unknown flag: EINVAL");
}

static void check_blocking(void)
{
	int64_t seconds, before;
	long nanoseconds;

	given_back = taken = 0;
	tap_is(rumpuser_clock_gettime(RUMPUSER_CLOCK_ABSMONO, &before, &nanoseconds), 0, "the monotonic clock");
	tap_is(rumpuser_clock_gettime(2, &seconds, &nanoseconds), EINVAL_NETBSD, "there is no third one");
	tap_ok(!given_back && !taken, "asking gives no virtual CPU back");
	tap_is(rumpuser_clock_sleep(RUMPUSER_CLOCK_ABSMONO, before, 0), 0, "sleeping until now");
	tap_is(rumpuser_clock_sleep(RUMPUSER_CLOCK_RELWALL, 0, 1000000), 0, "sleeping a millisecond");
	tap_is(rumpuser_clock_sleep(RUMPUSER_CLOCK_RELWALL, -5, 0), 0, "sleeping less than nothing");
	tap_ok(given_back == 3 && taken == 3, "each gives a virtual CPU back and takes one with the same count");
}

/* Faults are the program's business: this kernel asks for none. */
static void signal_taken(void)
{
	struct sigaction action;

	sigaction(SIGSEGV, NULL, &action);
	tap_ok(action.sa_handler == SIG_DFL, "no signal is taken from the program");
}

int main(void)
{
	check_misuse();
	check_daemonize();
	tap_is(rumpuser_init(RUMPUSER_VERSION, &upcalls), 0, "init()");
	tap_ok(!rumpuser_curlwp(), "a thread begins without an lwp");
	signal_taken();
	check_errors();
	check_signals();
	check_params();
	check_memory();
	check_lock_memory();
	check_mappings();
	check_random();
	check_blocking();
	return tap_done();
}
