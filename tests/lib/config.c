// SPDX-License-Identifier: BSD-2-Clause
/* What a kernel can be booted with: each bound and one beyond it, limits of the host's, and what is said about them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* ---- a host that gives no threads, or has little memory ---- */

static bool no_threads;
static uint64_t host_memory; /* bytes; 0: what it has */

long __real_sysconf(int name);
long __wrap_sysconf(int name);

long __wrap_sysconf(int name)
{
	long page = __real_sysconf(_SC_PAGESIZE);

	return host_memory && name == _SC_PHYS_PAGES ? (long)host_memory / page : __real_sysconf(name);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

/* ---- boots ---- */

/**
 * struct attempt - one configuration, and what comes of it
 * @what:  name of the check
 * @limit, @most: a limit of the host's, RLIMIT_xxx, unless @most is 0
 * @error: of booting
 * @says:  what the log has when it fails
 */
struct attempt {
	const char *what;
	unsigned int cpus;
	uint64_t memory, cache;
	uint32_t mappings;
	const char *command_line;
	int limit;
	uint64_t most;
	int error;
	const char *says;
};

static char long_command_line[4096];

static const struct attempt attempts[] = {
	{ "one CPU, the least memory", .cpus = 1, .memory = 32 * MIB },
	{ "16 CPUs, the least memory, cache and mappings", .cpus = 16, .memory = 32 * MIB, .cache = 4 * MIB, .mappings = 683 },
	{ "more CPUs than the kernel has", .cpus = 65536, .memory = 64 * MIB },
	{ "a step and a half of memory", .memory = 48 * MIB },
	{ "more memory than any host has", .memory = UINT64_C(1) << 46 },
	{ "any cache", .cache = UINT64_MAX },
	{ "any number of mappings", .mappings = UINT32_MAX },
	{ "too many CPUs", .cpus = 65537, .error = -EINVAL, .says = "65537 virtual CPUs are too many" },
	{ "too little memory", .memory = 32 * MIB - 4096, .error = -EINVAL, .says = "33550336 bytes of memory are too few" },
	{ "no whole page", .memory = 1, .error = -EINVAL, .says = "1 bytes of memory are less than a page" },
	{ "too much memory", .memory = UINT64_MAX, .error = -EINVAL, .says = "are more than the host can count" },
	{ "too small a cache", .cache = 4 * MIB - 1, .error = -EINVAL, .says = "a cache of 4194303 bytes is too small" },
	{ "too few mappings", .mappings = 682, .error = -EINVAL, .says = "682 mappings of the host's are too few; it needs 683" },
	{ "too long a command line", .command_line = long_command_line, .error = -EINVAL, .says = "the command line has 4095 bytes" },
	{ "the same with a cache", .cache = 8 * MIB, .command_line = long_command_line, .error = -EINVAL,
	  .says = "the command line has 4095 bytes" },
	{ "three descriptors", .limit = RLIMIT_NOFILE, .most = 3, .error = -EMFILE, .says = "raise ulimit -n" },
	{ "four descriptors", .limit = RLIMIT_NOFILE, .most = 4, .error = -EMFILE, .says = "Too many open files" },
	{ "five descriptors", .limit = RLIMIT_NOFILE, .most = 5 },
	{ "a limit of address space", .limit = RLIMIT_AS, .most = GIB },
	{ "a kernel beyond it", .memory = GIB, .limit = RLIMIT_AS, .most = GIB, .error = -ENOMEM, .says = "raise ulimit -v" },
};

/* It serves calls, and has memory for them. */
static bool works(void)
{
	static char text[1 << 20];
	long fd;

	if (rumpus_sys_mkdirat(AT_FDCWD, "/tmp", 0700) != 0 || rumpus_sys_mount("none", "/tmp", "tmpfs", 0, NULL) != 0)
		return false;
	fd = rumpus_sys_openat(AT_FDCWD, "/tmp/file", O_CREAT | O_WRONLY, 0600);
	return fd >= 0 && rumpus_sys_write((int)fd, text, sizeof(text)) == sizeof(text);
}

static int ends;

static void count_end(void *arg, int status, const char *reason)
{
	ends++;
}

static bool boots_as_told(const struct attempt *attempt)
{
	struct rumpus_config config = fixture_config(attempt->command_line);
	struct rumpus *kernel = NULL;
	bool right;
	int error;

	config.image = NULL;
	config.components = "";
	config.ended = count_end;
	config.cpus = attempt->cpus;
	config.memory = attempt->memory;
	config.cache = attempt->cache;
	config.mappings = attempt->mappings;
	error = rumpus_boot(&config, &kernel);
	if (error != attempt->error || ends) {
		tap_note("error %d instead of %d, %d ends: %s", -error, -attempt->error, ends, fixture_log);
		return false;
	}
	if (error) {
		right = strstr(fixture_log, attempt->says) != NULL;
		if (!right)
			tap_note("without \"%s\": %s", attempt->says, fixture_log);
		return right;
	}
	right = works();
	return rumpus_halt(kernel) == 0 && right;
}

static bool within_limit(const void *arg)
{
	const struct attempt *attempt = arg;
	const struct rlimit limit = { attempt->most, attempt->most };

	if (attempt->most && setrlimit((unsigned int)attempt->limit, &limit) != 0)
		return false;
	return boots_as_told(attempt);
}

/* In a child, whose limits and descriptors nobody else has. */
static void in_child(bool (*run)(const void *arg), const void *arg, const char *what)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		tap_abort("fork: %s", strerror(errno));
	if (pid == 0) {
		bool right;

		closefrom(STDERR_FILENO + 1); /* what this program was started with */
		right = run(arg);
		fflush(stdout);
		_exit(right ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid)
		tap_abort("waitpid: %s", strerror(errno));
	tap_is(status, 0, "%s", what);
}

static void attempt(const struct attempt *attempt)
{
	in_child(within_limit, attempt, attempt->what);
}

static bool is_file(int fd)
{
	struct stat about;

	return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

/* What such a program prints goes nowhere: not to the kernel's memory, an image, or what lies over one. */
static bool without_streams(const void *unused)
{
	static const char *const specs[] = { "file:config.img", "cow,scratch=file:file:config.img" };
	char name[32], error[256];
	struct rumpus *kernel;
	bool right = true;

	closefrom(STDIN_FILENO);
	setenv("RUMPUS_LOG", "config.log", 1);
	for (unsigned int i = 0; i < sizeof(specs) / sizeof(specs[0]) && right; i++) {
		right = rumpus_boot(NULL, &kernel) == 0 &&
			rumpus_disk_add(kernel, specs[i], 0, name, error, sizeof(error)) == 0;
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			right &= !is_file(fd);
		rumpus_halt(kernel);
	}
	return right;
}

static void blocks(void)
{
	struct rumpus_config config = fixture_config(NULL);
	char name[32], error[256] = "";
	struct rumpus *kernel;

	config.image = NULL;
	if (rumpus_boot(&config, &kernel) != 0)
		tap_abort("boot: %s", fixture_log);
	tap_is(rumpus_disk_add(kernel, "mem,size=1M,block=4k:", 0, name, error, sizeof(error)), 0, "a disk of the largest blocks");
	tap_is(rumpus_disk_add(kernel, "mem,size=1M,block=8k:", 0, name, error, sizeof(error)), -EINVAL, "one of larger blocks");
	tap_ok(strstr(error, "in blocks of 8192"), "the message has them: %s", error);
	rumpus_halt(kernel);
}

/* Each takes half a megabyte of the kernel's, faster than it grows by itself. */
static void many_disks(void)
{
	struct rumpus_config config = fixture_config(NULL);
	char name[32], error[256] = "";
	struct rumpus *kernel;
	int disks = 0;

	config.image = NULL;
	config.memory = GIB;
	if (rumpus_boot(&config, &kernel) != 0)
		tap_abort("boot: %s", fixture_log);
	while (disks < 800 && rumpus_disk_add(kernel, "mem,size=1M:", 0, name, error, sizeof(error)) == 0)
		disks++;
	tap_is(disks, 800, "many disks, as memory has room for them %s", error);
	rumpus_halt(kernel);
}

static void with_little_memory(void)
{
	static const struct attempt host = { "a host of 40 MiB", .cpus = 1 };

	host_memory = 40 * MIB;
	attempt(&host);
	host_memory = 0;
}

static void without_threads(void)
{
	static const struct attempt host = {
		"a host without threads", .error = -EAGAIN, .says = "the host gives no thread; raise ulimit -u"
	};

	no_threads = true;
	attempt(&host);
	no_threads = false;
}

/* The sanitizers' kernels have more to reserve than what they may use. */
static bool may_be_limited(const struct attempt *attempt)
{
	const char *image = getenv("RUMPUS_IMAGE");

	return attempt->limit != RLIMIT_AS || !attempt->most || !image || !strstr(image, "/linux-");
}

int main(void)
{
	unsetenv("RUMPUS_LOG"); /* a descriptor */
	memset(long_command_line, 'x', sizeof(long_command_line) - 1);
	for (unsigned int i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (may_be_limited(&attempts[i]))
			attempt(&attempts[i]);
		else
			tap_skip(1, "limits are those of the normal kernel");
	}
	with_little_memory();
	without_threads();
	if (close(creat("config.img", 0600)) != 0 || truncate("config.img", MIB) != 0)
		tap_abort("config.img: %s", strerror(errno));
	in_child(without_streams, NULL, "a program that has closed its standard streams");
	tap_ok(unlink("config.log") == 0, "with a log");
	unlink("config.img");
	blocks();
	many_disks();
	return tap_done();
}
