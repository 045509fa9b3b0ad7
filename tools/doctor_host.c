// SPDX-License-Identifier: BSD-2-Clause
/* rumpus doctor: the host's devices, limits and CPU */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"

/* Pages of the kernel image; mappings that a busy kernel may use; bytes that a command that writes may use. */
#define PAGE 4096L
#define MAPPINGS_WANTED 16384UL
#define MEMORY_WANTED (256ULL << 20)
#define NO_LIMIT (1ULL << 60) /* or as good as none: what version 1 of control groups says for it */
/* Bytes of address space that a kernel reserves, with room for more. */
#define ADDRESSES_WANTED (8ULL << 30)

static void try_page_size(struct finding *finding)
{
	long size = sysconf(_SC_PAGESIZE);

	if (size == PAGE)
		finding_set(finding, FINDING_OK, NULL, "%ld bytes", size);
	else
		finding_set(finding, FINDING_MISSING, "use a host kernel with pages of 4096 bytes",
			    "%ld bytes; the kernel image is made for %ld", size, PAGE);
}

static void try_uring(struct finding *finding)
{
	struct io_uring_params params = { 0 };
	long fd = syscall(SYS_io_uring_setup, 8, &params);

	if (fd >= 0) {
		close((int)fd);
		finding_set(finding, FINDING_OK, NULL, "images are read and written by it");
	} else {
		finding_set(finding, FINDING_LIMITED,
			    "sysctl kernel.io_uring_disabled=0, or a container that allows the call",
			    "refused: %s; threads are used instead, which is slower", report_errno(-errno));
	}
}

static void try_fuse(struct finding *finding)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		finding_set(finding, FINDING_OK, NULL, "/dev/fuse can be opened, for \"rumpus mount\"");
	} else {
		finding_set(finding, FINDING_MISSING,
			    errno == ENOENT || errno == ENXIO || errno == ENODEV
				    ? "modprobe fuse; in a container, pass the device"
				    : "chmod 666 /dev/fuse",
			    "/dev/fuse: %s; \"rumpus mount\" needs it", report_errno(-errno));
	}
}

/* The first of that name in PATH that can be run. */
static bool find_program(const char *name, char *path, size_t size)
{
	const char *at = getenv("PATH");

	while (at && *at) {
		size_t length = strcspn(at, ":");

		snprintf(path, size, "%.*s/%s", (int)length, at, name);
		if (!access(path, X_OK))
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

static void try_fusermount(struct finding *finding)
{
	char path[4096];
	struct stat st;

	if (!find_program("fusermount3", path, sizeof(path)))
		finding_set(finding, FINDING_MISSING, "install the package fuse3",
			    "not in PATH; ordinary users need it for \"rumpus mount\"");
	else if (geteuid() && !stat(path, &st) && (st.st_uid || !(st.st_mode & S_ISUID)))
		finding_set(finding, FINDING_LIMITED, "install it as the package fuse3 does, set-user-ID root",
			    "%s is not set-user-ID root", path);
	else
		finding_set(finding, FINDING_OK, NULL, "%s", path);
}

static void try_tun(struct finding *finding)
{
	struct ifreq request = { .ifr_name = "rumpus%d", .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		finding_set(finding, FINDING_MISSING,
			    errno == ENOENT || errno == ENODEV || errno == ENXIO
				    ? "modprobe tun; in a container, pass the device"
				    : "chmod 666 /dev/net/tun",
			    "/dev/net/tun: %s; network devices of the kind tap need it", report_errno(-errno));
	else if (ioctl(fd, TUNSETIFF, &request))
		finding_set(finding, FINDING_LIMITED, "as root: ip tuntap add mode tap user NAME; or work as root",
			    "no tap device can be made: %s; one that was made for you can be used",
			    report_errno(-errno));
	else
		finding_set(finding, FINDING_OK, NULL, "tap devices can be made");
	if (fd >= 0)
		close(fd);
}

static void try_kvm(struct finding *finding)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), version = fd < 0 ? -1 : ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version >= 0)
		finding_set(finding, FINDING_OK, NULL, "version %d; no subcommand needs it", version);
	else
		finding_set(finding, FINDING_MISSING,
			    errno == EACCES ? "add the user to the group kvm"
					    : "enable virtualisation in the firmware, and modprobe kvm",
			    "/dev/kvm: %s; no subcommand needs it", report_errno(-errno));
	if (fd >= 0)
		close(fd);
}

/* The number in a file of one line. Return: false when there is none */
static bool read_number(const char *path, unsigned long long *number)
{
	FILE *file = fopen(path, "re");
	bool found = file && fscanf(file, "%llu", number) == 1;

	if (file)
		fclose(file);
	return found;
}

static void try_mappings(struct finding *finding)
{
	unsigned long long number;

	if (!read_number("/proc/sys/vm/max_map_count", &number))
		finding_set(finding, FINDING_LIMITED, "mount /proc",
			    "vm.max_map_count cannot be read; 65530 is assumed");
	else if (number < MAPPINGS_WANTED)
		finding_set(finding, FINDING_LIMITED, "sysctl vm.max_map_count=65530",
			    "vm.max_map_count is %llu; kernels have less room for modules and large buffers", number);
	else
		finding_set(finding, FINDING_OK, NULL, "vm.max_map_count is %llu", number);
}

/* A kernel's memory is reserved as a whole, and committed as it is used. */
static void try_addresses(struct finding *finding)
{
	unsigned long long mode = 0;
	void *at = mmap(NULL, ADDRESSES_WANTED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED) {
		finding_set(finding, FINDING_MISSING, "ulimit -v unlimited", "no address space can be reserved: %s",
			    report_errno(-errno));
		return;
	}
	munmap(at, ADDRESSES_WANTED);
	if (read_number("/proc/sys/vm/overcommit_memory", &mode) && mode == 2)
		finding_set(finding, FINDING_LIMITED, "sysctl vm.overcommit_memory=0",
			    "vm.overcommit_memory is 2: memory may be refused though some is free");
	else
		finding_set(finding, FINDING_OK, NULL, "vm.overcommit_memory is %llu, and addresses can be reserved",
			    mode);
}

static void try_data(struct finding *finding)
{
	struct rlimit limit;
	char size[32];

	if (getrlimit(RLIMIT_DATA, &limit) || limit.rlim_cur == RLIM_INFINITY)
		finding_set(finding, FINDING_OK, NULL, "there is no limit of data");
	else
		finding_set(finding,
			    limit.rlim_cur < DATA_NEEDED     ? FINDING_MISSING
			    : limit.rlim_cur < MEMORY_WANTED ? FINDING_LIMITED
							     : FINDING_OK,
			    limit.rlim_cur < MEMORY_WANTED ? "ulimit -d unlimited" : NULL,
			    "the limit of data is %s; what lies over an image that is only read counts, and archives",
			    text_size(limit.rlim_cur, size, sizeof(size)));
}

/* The least limit of the group @path below @root and of those that it lies in, if less than @least */
static void lower_limit(const char *root, char *path, const char *name, unsigned long long *least)
{
	char file[8300];

	for (char *slash = path + strlen(path); slash; slash = strrchr(path, '/')) {
		unsigned long long limit;

		*slash = 0;
		snprintf(file, sizeof(file), "%s%s/%s", root, path, name);
		if (read_number(file, &limit) && limit < *least)
			*least = limit;
	}
}

/* Control groups of either version: "number:controllers:path", without controllers in version 2. Return: false for none
 */
static bool group_limit(unsigned long long *least)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[4096];

	*least = NO_LIMIT;
	while (file && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = 0;
		path[strcspn(path, "\n")] = 0;
		if (!controllers[1])
			lower_limit("/sys/fs/cgroup", path, "memory.max", least);
		else if (!strcmp(controllers + 1, "memory"))
			lower_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", least);
	}
	if (file)
		fclose(file);
	return *least < NO_LIMIT;
}

static unsigned long long available_memory(void)
{
	unsigned long long kib = 0;
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	while (file && fgets(line, sizeof(line), file) && sscanf(line, "MemAvailable: %llu", &kib) != 1)
		continue;
	if (file)
		fclose(file);
	return kib << 10;
}

static void try_memory(struct finding *finding)
{
	unsigned long long limit = 0, available = available_memory();
	bool limited = group_limit(&limit);
	char size[32];

	if (limited && limit < MEMORY_WANTED)
		finding_set(finding, FINDING_LIMITED,
			    "raise the control group's limit to 256 MiB or more (memory.max, or memory.limit_in_bytes)",
			    "the control group has %s; a command that writes much may be ended by the host",
			    text_size(limit, size, sizeof(size)));
	else if (available && available < MEMORY_WANTED)
		finding_set(finding, FINDING_LIMITED, "end what else runs, or add memory",
			    "%s are available; a command that writes much may take 256 MiB",
			    text_size(available, size, sizeof(size)));
	else if (!limited && !available)
		finding_set(finding, FINDING_LIMITED, "mount /proc",
			    "how much is available is not told by /proc/meminfo");
	else
		finding_set(finding, FINDING_OK, NULL, "%s%s", limited ? "the control group has " : "available: ",
			    text_size(limited ? limit : available, size, sizeof(size)));
}

/* What checksums and encryption are fast by; the names of /proc/cpuinfo. */
static const struct {
	const char *machine, *wanted[4];
} cpus[] = {
	{ "x86_64", { "sse4_2", "pclmulqdq", "aes" } },
	{ "aarch64", { "crc32", "pmull", "aes" } },
};

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(words, word); at; at = strstr(at + 1, word)) {
		if ((at == words || at[-1] == ' ') && (!at[length] || strchr(" \n", at[length])))
			return true;
	}
	return false;
}

/* The line of flags of the first CPU. Return: false when there is none */
static bool read_flags(char *flags, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	bool found = false;

	while (file && !found && fgets(flags, (int)size, file))
		found = !strncmp(flags, "flags", 5) || !strncmp(flags, "Features", 8);
	if (file)
		fclose(file);
	return found;
}

static void try_cpu(struct finding *finding)
{
	char flags[8192], lost[128] = "";
	struct utsname host;
	size_t used = 0;

	uname(&host);
	if (!read_flags(flags, sizeof(flags))) {
		finding_set(finding, FINDING_LIMITED, "mount /proc",
			    "what the CPU can do is not told by /proc/cpuinfo");
		return;
	}
	for (size_t i = 0; i < sizeof(cpus) / sizeof(*cpus); i++) {
		for (size_t f = 0; !strcmp(cpus[i].machine, host.machine) && cpus[i].wanted[f]; f++) {
			if (!has_word(flags, cpus[i].wanted[f]))
				used += (size_t)snprintf(lost + used, sizeof(lost) - used, " %s", cpus[i].wanted[f]);
		}
	}
	if (*lost)
		finding_set(finding, FINDING_LIMITED,
			    "another machine, or let the virtual machine have the CPU of its host",
			    "%s, without%s: checksums and encryption are slow", host.machine, lost);
	else
		finding_set(finding, FINDING_OK, NULL, "%s, with what checksums and encryption are fast by",
			    host.machine);
}

const struct check doctor_host_checks[] = {
	{ "io_uring", false, try_uring },
	{ "fuse", false, try_fuse },
	{ "fusermount3", false, try_fusermount },
	{ "tun", false, try_tun },
	{ "kvm", false, try_kvm },
	{ "mappings", false, try_mappings },
	{ "overcommit", true, try_addresses },
	{ "data", true, try_data },
	{ "memory", false, try_memory },
	{ "cpu", false, try_cpu },
	{ "page-size", true, try_page_size },
	{ 0 },
};
