// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kernels that hang, or come upon a bug of their own: an endless loop, with interrupts off or not, or a call that ends
 * in BUG() or with a bad pointer, is planted where a thread of theirs happens to be. The program hears of it, all its
 * threads get out, and halting a kernel that hangs works, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"
#include "image-symbols.h"
#include "internal.h"

/* Of this CPU: an instruction that jumps to itself, and registers of the interrupted place. */
#ifdef __x86_64__
static const unsigned char loop[] = { 0xeb, 0xfe };
#define PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#define SP(context) ((uintptr_t)(context)->uc_mcontext.gregs[REG_RSP])
#define ARGUMENT(context) ((context)->uc_mcontext.gregs[REG_RDI])
/* Where a call leaves it: a function may rely on that. */
#define ALIGN_SP(context) ((context)->uc_mcontext.gregs[REG_RSP] = (long long)((SP(context) & ~15UL) - 8))
#else
static const unsigned char loop[] = { 0x00, 0x00, 0x00, 0x14 };
#define PC(context) ((context)->uc_mcontext.pc)
#define SP(context) ((uintptr_t)(context)->uc_mcontext.sp)
#define ARGUMENT(context) ((context)->uc_mcontext.regs[0])
#define ALIGN_SP(context) ((context)->uc_mcontext.sp &= ~15UL)
#endif

/* Of the kernel: its stacks are aligned to their size, and end with the interrupt flag. */
#define STACK_SIZE 32768
#define INTERRUPT_FLAG(sp) ((unsigned int *)(((sp) | (STACK_SIZE - 1)) + 1) - 1)

static enum trouble { LOOP, LOOP_INTERRUPTS_OFF, BUG, BAD_ACCESS } trouble;

static struct rumpus *kernel;
static uintptr_t own_stack; /* somewhere on the stack of the thread that is to hang */
static volatile sig_atomic_t planted;
static void *nowhere; /* pages that nobody may read */

static void plant_loop(uintptr_t pc)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	mprotect((void *)(pc & ~(page - 1)), 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC);
	memcpy((void *)pc, loop, sizeof(loop));
	__builtin___clear_cache((char *)pc, (char *)pc + sizeof(loop));
}

static void call_iput(ucontext_t *context, const void *inode)
{
	ALIGN_SP(context);
	ARGUMENT(context) = (uintptr_t)inode;
	PC(context) = (uintptr_t)kernel->image.base + IMAGE_IPUT;
}

/* On that thread: is it in the kernel's code, on a stack of the kernel's? */
static void make_trouble(int number, siginfo_t *info, void *arg)
{
	static unsigned char inode[4096];
	ucontext_t *context = arg;
	const uintptr_t pc = (uintptr_t)PC(context), base = (uintptr_t)kernel->image.base;

	if (planted || pc - base >= kernel->image.size || SP(context) - own_stack + (1 << 20) < 2 << 20)
		return;
	planted = 1;
	switch (trouble) {
	case LOOP_INTERRUPTS_OFF:
		*INTERRUPT_FLAG(SP(context)) = 0;
		plant_loop(pc);
		break;
	case LOOP:
		plant_loop(pc);
		break;
	case BUG:
		/* iput() has a BUG_ON() for an inode that has been cleared already: all bits of this one are set. */
		memset(inode, 0xff, sizeof(inode));
		call_iput(context, inode);
		break;
	case BAD_ACCESS:
		call_iput(context, nowhere);
		break;
	}
}

static void *work(void *arg)
{
	static char data[65536];
	char here;
	long fd, result;

	own_stack = (uintptr_t)&here;
	fd = rumpus_sys_openat(AT_FDCWD, "/file", O_CREAT | O_RDWR, 0600);
	do
		result = rumpus_sys_pwrite64((int)fd, data, sizeof(data), 0);
	while (result >= 0);
	return (void *)result;
}

static void *sleeper(void *arg)
{
	const struct timespec hour = { 3600, 0 };

	return (void *)rumpus_sys_nanosleep(&hour, NULL);
}

/* Boots a kernel and has a thread of it come into trouble. */
static pthread_t trouble_begins(enum trouble kind, const char *command_line)
{
	struct rumpus_config config = fixture_config(command_line);
	pthread_t thread;
	int error;

	config.image = NULL;
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	trouble = kind;
	planted = 0;
	thread = fixture_thread(work, NULL);
	fixture_sleep(50);
	for (int i = 0; i < 5000 && !planted; i++) {
		pthread_kill(thread, SIGUSR2);
		fixture_sleep(1);
	}
	if (!planted)
		tap_abort("the thread is never in the kernel");
	return thread;
}

static long milliseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Generous, and of the time that the host let this program run: what a busy host adds says nothing. */
enum { PATIENCE_MS = 10000 };

static void detected(enum trouble kind, const char *expected)
{
	pthread_t other, thread = trouble_begins(kind, NULL);
	long start = milliseconds(CLOCK_MONOTONIC), ran = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
	const char *reason;
	void *result;

	other = fixture_thread(sleeper, NULL);
	pthread_join(thread, &result);
	ran = milliseconds(CLOCK_PROCESS_CPUTIME_ID) - ran;
	tap_is((long)result, -ESHUTDOWN, "the thread in trouble is out, after %ld ms",
	       milliseconds(CLOCK_MONOTONIC) - start);
	tap_ok(ran < PATIENCE_MS, "in which this program ran for %ld ms", ran);
	pthread_join(other, &result);
	tap_is((long)result, -ESHUTDOWN, "another one, too");
	reason = rumpus_end_reason(kernel);
	tap_ok(reason && strstr(reason, expected), "the reason: %s", reason ? reason : "none");
	tap_is(rumpus_halt(kernel), 0, "it is halted");
}

static void halted(void)
{
	pthread_t thread = trouble_begins(LOOP, "rump.lockup_ms=0");
	void *result;
	long start;
	int error;

	fixture_sleep(1200);
	tap_ok(!rumpus_end_reason(kernel), "a loop may last as long as it is allowed to");
	start = milliseconds(CLOCK_MONOTONIC);
	error = rumpus_halt(kernel);
	tap_is(error, 0, "a kernel that hangs is halted, in %ld ms", milliseconds(CLOCK_MONOTONIC) - start);
	pthread_join(thread, &result);
	tap_is((long)result, -ESHUTDOWN, "its thread is out");
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = make_trouble, .sa_flags = SA_SIGINFO | SA_RESTART };
	char expected[64];

	nowhere = mmap(NULL, 2 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nowhere == MAP_FAILED)
		tap_abort("mmap: %s", strerror(errno));
	sigaction(SIGUSR2, &action, NULL);
	for (int i = 0; i < 2; i++)
		detected(LOOP, "lock-up");
	for (int i = 0; i < 3; i++)
		detected(LOOP_INTERRUPTS_OFF, "lock-up");
	detected(BUG, "BUG: failure at ");
	snprintf(expected, sizeof(expected), "bad access at address %lx", (unsigned long)nowhere >> 12);
	detected(BAD_ACCESS, expected);
	halted();
	return tap_done();
}
