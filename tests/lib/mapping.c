// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of memory that the kernel manages share. */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <rumpus/syscalls.h>

#include "fixture.h"
#include "mapping.h"

struct rumpus *mapping_boot(uint32_t mappings)
{
	struct rumpus_config config = fixture_config(NULL);
	struct rumpus *kernel;
	int error;

	config.image = NULL;
	config.memory = 0;
	config.mappings = mappings;
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	return kernel;
}

void *mapping_make(size_t size, int prot, int flags, int fd, long offset)
{
	long ret = rumpus_sys_mmap(NULL, size, prot, flags, fd, offset);

	if (ret < 0 && ret > -4096)
		tap_abort("mmap: error %ld", -ret);
	return (void *)ret;
}

void *mapping_memory(size_t size)
{
	return mapping_make(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* ---- an access that may fail: the program's own handler, beneath the library's ---- */

static sigjmp_buf out;
static volatile sig_atomic_t expected;

static void caught(int signal)
{
	if (!expected)
		tap_abort("signal %d", signal);
	siglongjmp(out, signal);
}

void mapping_catch_faults(void)
{
	const struct sigaction action = { .sa_handler = caught, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void load(unsigned char *at)
{
	(void)*(volatile unsigned char *)at;
}

static void store(unsigned char *at)
{
	*(volatile unsigned char *)at = 1;
}

static void run(unsigned char *at)
{
	((void (*)(void))(uintptr_t)at)();
}

static int signal_of(void (*attempt)(unsigned char *at), const unsigned char *at)
{
	int signal = sigsetjmp(out, 1);

	expected = 1;
	if (!signal)
		attempt((unsigned char *)at);
	expected = 0;
	return signal;
}

int mapping_load_signal(const unsigned char *at)
{
	return signal_of(load, at);
}

int mapping_store_signal(unsigned char *at)
{
	return signal_of(store, at);
}

int mapping_run_signal(const unsigned char *at)
{
	return signal_of(run, at);
}
