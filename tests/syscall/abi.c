// SPDX-License-Identifier: BSD-2-Clause
/*
 * The user ABI of the kernel is the host's: the same calls are made to both, with the host's headers, and compared.
 *
 * With the argument "self" the host is compared with itself, which shows that nothing here depends on chance.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <rumpus/rumpus.h>

#include "side.h"
#include "tap.h"

#define PATTERN_SIZE 4096

static long call_host(long number, const long args[6])
{
	long result = syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);

	return result == -1 ? -errno : result;
}

static long call_rumpus(long number, const long args[6])
{
	return rumpus_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static struct side host = { .name = "host", .call = call_host };
static struct side tested = { .name = "rumpus", .call = call_rumpus };

void side_fact(struct side *side, long value, const char *name, ...)
{
	struct fact *fact = &side->facts[side->count++];
	va_list args;

	if (side->count > MAX_FACTS)
		tap_abort("more than %d facts", MAX_FACTS);
	va_start(args, name);
	vsnprintf(fact->name, sizeof(fact->name), name, args);
	va_end(args);
	fact->value = value;
	fprintf(stderr, "%s: %s: %ld\n", side->name, fact->name, value); /* where it hangs, if it does */
}

long side_extent(const struct side *side, long number, const long args[6], unsigned int index)
{
	static unsigned char zeroes[PATTERN_SIZE], ones[PATTERN_SIZE];
	long copy[6], result, extent = PATTERN_SIZE;

	memcpy(copy, args, sizeof(copy));
	memset(zeroes, 0, sizeof(zeroes));
	memset(ones, 0xff, sizeof(ones));
	copy[index] = (long)zeroes;
	result = side->call(number, copy);
	if (result < 0)
		return result;
	copy[index] = (long)ones;
	result = side->call(number, copy);
	if (result < 0)
		return result;
	while (extent > 0 && zeroes[extent - 1] == 0 && ones[extent - 1] == 0xff)
		extent--;
	return extent;
}

static void gather_host(void)
{
	if (syscall(SYS_mkdirat, AT_FDCWD, "host", 0700) != 0 || chdir("host") != 0)
		tap_abort("no directory for the host's part");
	facts_gather(&host);
	errors_gather(&host);
	if (chdir("..") != 0)
		tap_abort("chdir");
}

static void gather_self(void)
{
	tested.call = call_host;
	if (syscall(SYS_mkdirat, AT_FDCWD, "self", 0700) != 0 || chdir("self") != 0)
		tap_abort("no directory for the second part");
	facts_gather(&tested);
	errors_gather(&tested);
}

static void log_to_stderr(void *arg, const char *text, size_t len)
{
	fwrite(text, 1, len, stderr);
}

static void gather_rumpus(void)
{
	const struct rumpus_config config = { .size = sizeof(config), .cpus = 2, .log = log_to_stderr };
	struct rumpus *kernel;
	int error = rumpus_boot(&config, &kernel);

	if (error)
		tap_abort("boot: error %d", -error);
	tap_note("%s", rumpus_version(kernel));
	sys(&tested, SYS_mkdirat, AT_FDCWD, (long)"/test", 0700);
	if (sys(&tested, SYS_mount, (long)"none", (long)"/test", (long)"tmpfs") != 0 ||
	    sys(&tested, SYS_chdir, (long)"/test") != 0)
		tap_abort("no tmpfs inside");
	facts_gather(&tested);
	errors_gather(&tested);
	refused_check();
	rumpus_halt(kernel);
}

static bool without_network(void)
{
	for (unsigned int i = 0; i < tested.count; i++)
		if (strcmp(tested.facts[i].name, "socket: socketpair") == 0)
			return tested.facts[i].value == -ENOSYS;
	return false;
}

static void compare(void)
{
	bool no_sockets = without_network();

	tap_is(tested.count, host.count, "as many facts");
	for (unsigned int i = 0; i < host.count && i < tested.count; i++) {
		if (no_sockets && strncmp(host.facts[i].name, "socket: ", 8) == 0)
			tap_skip(1, "%s: the image has no network", host.facts[i].name);
		else
			tap_is(tested.facts[i].value, host.facts[i].value, "%s", host.facts[i].name);
	}
}

int main(int argc, char **argv)
{
	gather_host();
	if (argc > 1 && strcmp(argv[1], "self") == 0)
		gather_self();
	else
		gather_rumpus();
	compare();
	return tap_done();
}
