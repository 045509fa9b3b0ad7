// SPDX-License-Identifier: BSD-2-Clause
/* Components: loaded by name, by the kernel's own wish, unloaded; damaged and foreign files harm nothing */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "../tap.h"

#define SEED 18U
#define FLIPS 150
#define FAT_IMAGE "fat.img"
#define FAT_IOCTL_SET_ATTRIBUTES 0x40047211UL

static struct rumpus *kernel;
static char error[512], log_text[1 << 20], disk[32];
static size_t log_size;

static void take_log(void *arg, const char *text, size_t len)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < len && log_size < sizeof(log_text) - 1; i++)
		log_text[log_size++] = text[i];
	log_text[log_size] = '\0';
	pthread_mutex_unlock(&lock);
}

static struct rumpus *boot(const char *components)
{
	const char *image = getenv("RUMPUS_IMAGE");
	/* The one's code is several times the size; the other has components that need many more. */
	const bool large = image && (strstr(image, "-kasan") || strstr(image, "-full"));
	const struct rumpus_config config = {
		.size = sizeof(config),
		.cpus = 2,
		.log = take_log,
		.components = components,
		.mappings = large ? 40000 : 0,
	};
	struct rumpus *booted;
	int ret;

	log_size = 0;
	ret = rumpus_boot(&config, &booted);
	if (ret)
		tap_abort("boot: %s; %s", strerror(-ret), log_text);
	return booted;
}

static void run(const char *command)
{
	int status = system(command);

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		tap_abort("%s: failed", command);
}

/* Does a file of the kernel's procfs have a line with this text? */
static bool kernel_says(const char *path, const char *text)
{
	static char content[1 << 16];
	int fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	size_t size = 0;
	long got;

	if (fd < 0)
		tap_abort("%s in the kernel: %s", path, strerror(-fd));
	while ((got = rumpus_sys_read(fd, content + size, sizeof(content) - 1 - size)) > 0)
		size += (size_t)got;
	rumpus_sys_close(fd);
	content[size] = '\0';
	return strstr(content, text);
}

static void mount_proc(void)
{
	rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0755);
	rumpus_sys_mkdirat(AT_FDCWD, "/sys", 0755);
	rumpus_sys_mkdirat(AT_FDCWD, "/mnt", 0755);
	if (rumpus_sys_mount("proc", "/proc", "proc", 0, NULL) || rumpus_sys_mount("sys", "/sys", "sysfs", 0, NULL))
		tap_abort("no procfs");
}

static void add_fat(void)
{
	int ret = rumpus_disk_add(kernel, "file:" FAT_IMAGE, 0, disk, error, sizeof(error));

	if (ret)
		tap_abort("disk: %s", error);
}

static int load(const char *name)
{
	return rumpus_component_load(kernel, name, NULL, error, sizeof(error));
}

static int unload(const char *name)
{
	return rumpus_component_unload(kernel, name, error, sizeof(error));
}

/* A load that must fail, with a message that has @text. */
static void refused(const char *name, int expected, const char *text)
{
	int ret;

	*error = '\0';
	ret = load(name);
	tap_ok(ret == expected && strstr(error, text), "%s is refused: %s", name, error);
	if (ret != expected || !strstr(error, text))
		tap_note("returned %d (%s), expected %d and \"%s\"", ret, strerror(-ret), expected, text);
}

static bool kernel_has(const char *path)
{
	return rumpus_sys_faccessat(AT_FDCWD, path, F_OK) == 0;
}

/* What is built in, and begins when it is wanted */
static void test_deferred(void)
{
	tap_ok(kernel_says("/proc/filesystems", "\text4\n"), "ext4 is there from the beginning");
	tap_ok(!kernel_says("/proc/filesystems", "\tbtrfs\n"), "btrfs begins when it is wanted");
	tap_is(rumpus_sys_mount("nothing", "/mnt", "btrfs", 0, NULL), -ENOENT, "it is wanted by who mounts");
	tap_ok(kernel_says("/proc/filesystems", "\tbtrfs\n"), "then it is there");
	tap_ok(!kernel_says("/proc/filesystems", "\txfs\n"), "and nothing else");
	tap_is(rumpus_sys_mount("nothing", "/mnt", "btrfs", 0, NULL), -ENOENT, "it does not begin twice");
	tap_ok(!kernel_has("/sys/kernel/slab"), "files of caches are made when caches come and go");
	tap_is(load("vfat"), 0, "as those of modules do %s", error);
	tap_ok(kernel_has("/sys/kernel/slab/fat_inode_cache"), "then those are there");
	tap_ok(kernel_has("/sys/kernel/slab/btrfs_inode"), "and those of before");
	tap_is(unload("vfat") ?: unload("fat"), 0, "%s", "they are unloaded");
	tap_ok(!kernel_has("/sys/kernel/slab/fat_inode_cache"), "and theirs are gone");
}

static void test_by_name(void)
{
	tap_ok(!kernel_says("/proc/filesystems", "vfat"), "vfat is not part of the image");
	tap_is(load("vfat"), 0, "vfat is loaded %s", error);
	tap_ok(kernel_says("/proc/filesystems", "vfat"), "the kernel has it");
	tap_ok(kernel_says("/proc/modules", "fat "), "and what it depends on");
	tap_is(load("vfat"), 0, "loading it again changes nothing");
	tap_is(unload("fat"), -EAGAIN, "what something depends on stays: %s", error);
	tap_is(unload("vfat"), 0, "it is unloaded");
	tap_is(unload("fat"), 0, "what it depended on, too");
	tap_is(unload("fat"), -ENOENT, "once: %s", error);
	tap_ok(!kernel_says("/proc/filesystems", "vfat"), "the kernel has it no more");
	tap_is(load("ext4"), 0, "what is part of the image needs no loading");
	tap_is(load("fs-xfs"), 0, "by another name, too");
	tap_is(load("fs-vfat"), 0, "a component by another name");
	tap_is(load("dm-crypt"), 0, "dashes and underscores are the same %s", error);
	tap_ok(kernel_says("/proc/modules", "dm_crypt"), "as the kernel's own");
	tap_is(rumpus_component_load(kernel, "loop", "max_part=3", error, sizeof(error)), 0, "with a parameter");
	tap_ok(kernel_says("/sys/module/loop/parameters/max_part", "3"), "which it has");
	refused("no-such-driver", -ENOENT, "no such component in");
	refused("../vfat", -ENOENT, "no such component in");
	refused("", -EINVAL, "a component without a name");
}

/* User memory is touched by code of a module: its exception table works. */
static void test_fault_in_module(void)
{
	int fd = rumpus_sys_openat(AT_FDCWD, "/mnt/FILE", O_CREAT | O_RDWR, 0644);

	tap_ok(fd >= 0, "a file is made by a component");
	tap_is(rumpus_sys_ioctl(fd, FAT_IOCTL_SET_ATTRIBUTES, 8), -EFAULT, "a bad pointer that its code follows");
	rumpus_sys_close(fd);
}

static void test_by_itself(void)
{
	tap_is(unload("vfat"), 0, "nothing is loaded");
	tap_is(rumpus_sys_mount(disk, "/mnt", "vfat", 0, NULL), 0, "mount loads what it needs");
	test_fault_in_module();
	tap_is(unload("vfat"), -EAGAIN, "what is mounted stays");
	tap_is(rumpus_sys_umount2("/mnt", 0), 0, "unmounted");
	tap_is(rumpus_sys_mount(disk, "/mnt", "vfat", 0, "iocharset=koi8-r"), 0, "with a table of characters");
	tap_ok(kernel_says("/proc/modules", "nls_koi8_r"), "which was loaded");
	tap_is(rumpus_sys_umount2("/mnt", 0), 0, "unmounted");
	tap_is(rumpus_sys_mount(disk, "/mnt", "no-such-type", 0, NULL), -ENODEV, "a type that nobody knows");
}

static void *mount_one(void *arg)
{
	static const char *const types[] = { "hfsplus", "minix", "jfs", "udf", "hfsplus", "minix", "jfs", "udf" };
	const char *type = types[(long)arg];

	return (void *)(rumpus_sys_mount(disk, "/mnt", type, MS_RDONLY, NULL) == -ENODEV ? 1L : 0L);
}

/* At once, and some for the same one: each mount fails for its contents, not for its type. */
static void test_many(void)
{
	pthread_t threads[8];
	long missing = 0;

	for (long i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, mount_one, (void *)i))
			tap_abort("no thread");
	for (int i = 0; i < 8; i++) {
		void *result;

		pthread_join(threads[i], &result);
		missing += (long)result;
	}
	tap_is(missing, 0, "eight threads want components at once");
}

static void test_close(void)
{
	tap_is(rumpus_components_close(kernel), 0, "the directory is closed");
	refused("nilfs2", -ENOENT, "was closed");
	tap_is(rumpus_sys_mount(disk, "/mnt", "nilfs2", 0, NULL), -ENODEV, "mount loads nothing any more");
	tap_is(rumpus_sys_mount(disk, "/mnt", "vfat", 0, NULL), 0, "what was loaded works");
	tap_is(rumpus_sys_umount2("/mnt", 0), 0, "and ends");
	tap_is(rumpus_components_close(kernel), 0, "closed twice");
}

/* ---- wrong files ---- */

static unsigned char *read_all(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	unsigned char *bytes;

	if (fd < 0 || fstat(fd, &st) || !(bytes = malloc((size_t)st.st_size)) ||
	    read(fd, bytes, (size_t)st.st_size) != st.st_size)
		tap_abort("%s: %s", path, strerror(errno));
	close(fd);
	*size = (size_t)st.st_size;
	return bytes;
}

static void write_all(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		tap_abort("%s: %s", path, strerror(errno));
	close(fd);
}

/* The index says that the altered file is right: what the kernel itself finds. It is read once by each kernel. */
static void make_index(void)
{
	char command[4096];

	snprintf(command, sizeof(command), "python3 %s/linux/components.py index copy", getenv("RUMPUS_TOP"));
	run(command);
	rumpus_halt(kernel);
	kernel = boot("copy");
}

static void test_flips(const unsigned char *bytes, size_t size)
{
	unsigned char *copy = malloc(size);
	unsigned int seed = SEED, refused_count = 0;

	for (int i = 0; i < FLIPS; i++) {
		size_t at = (size_t)rand_r(&seed) * 32768 % size + (size_t)rand_r(&seed) % 32768;

		memcpy(copy, bytes, size);
		copy[at % size] ^= (unsigned char)(1U << rand_r(&seed) % 8);
		write_all("copy/fat.ko", copy, size);
		refused_count += load("vfat") == -ENOEXEC && strstr(error, "copy/fat.ko") && strstr(error, "damaged");
	}
	tap_is(refused_count, FLIPS, "every bit that differs is found, %d of seed %u", FLIPS, SEED);
	free(copy);
}

static void test_foreign(unsigned char *bytes, size_t size)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	unsigned char *magic = memmem(bytes, size, "vermagic=", 9);

	header->e_machine ^= 1;
	write_all("copy/fat.ko", bytes, size);
	make_index();
	refused("vfat", -ENOEXEC, "built for another kernel");
	header->e_machine ^= 1;
	magic[9]++;
	write_all("copy/fat.ko", bytes, size);
	make_index();
	refused("vfat", -ENOEXEC, "built for another kernel");
	tap_ok(strstr(log_text, "version magic"), "the kernel says what differs");
	magic[9]--;
}

static void test_wrong_files(void)
{
	size_t size;
	unsigned char *bytes = read_all("copy/fat.ko", &size);

	write_all("copy/fat.ko", bytes, size / 2);
	refused("vfat", -ENOEXEC, "instead of");
	write_all("copy/fat.ko", bytes, 0);
	refused("vfat", -ENOEXEC, "instead of");
	test_flips(bytes, size);
	test_foreign(bytes, size);
	unlink("copy/fat.ko");
	refused("vfat", -ENOENT, "copy/fat.ko");
	mkdir("copy/fat.ko", 0700);
	refused("vfat", -ENOEXEC, "copy/fat.ko");
	rmdir("copy/fat.ko");
	write_all("copy/fat.ko", bytes, size);
	make_index();
	mount_proc();
	add_fat();
	tap_is(load("vfat"), 0, "the right file still is %s", error);
	tap_is(rumpus_sys_mount(disk, "/mnt", "vfat", 0, NULL), 0, "and works after all this");
	rumpus_sys_umount2("/mnt", 0);
	free(bytes);
}

static void test_wrong_index(const char *name, const char *text, const char *message)
{
	write_all("copy/components", text, strlen(text));
	kernel = boot("copy");
	refused(name, -ENOEXEC, message);
	rumpus_halt(kernel);
}

static void test_missing_dependency(void)
{
	size_t size;
	unsigned char *index = read_all("copy/components", &size);
	unsigned char *line = memmem(index, size, "\ncomponent fat ", 15);

	line[11] = 'F';
	write_all("copy/components", index, size);
	kernel = boot("copy");
	refused("vfat", -ENOENT, "vfat needs fat");
	rumpus_halt(kernel);
	line[11] = 'f';
	write_all("copy/components", index, size / 2);
	kernel = boot("copy");
	refused("vfat", index[size / 2 - 1] == '\n' ? -ENOENT : -ENOEXEC, "copy");
	rumpus_halt(kernel);
	free(index);
}

static int count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int lines = 0, c;

	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

/* Code of modules is the kernel's, and goes with it. */
static void test_halt(void)
{
	int before, after;

	kernel = boot(NULL);
	load("vfat");
	rumpus_halt(kernel);
	before = count_mappings();
	for (int i = 0; i < 3; i++) {
		kernel = boot(NULL);
		load("ntfs3");
		load("f2fs");
		rumpus_halt(kernel);
	}
	after = count_mappings();
	tap_ok(after <= before, "halting leaves no mapping: %d, %d before", after, before);
}

static void *ask(void *arg)
{
	unsigned long *asked = arg;
	long ret;

	do {
		ret = rumpus_sys_mount("none", "/mnt", "no-such-type", 0, NULL);
		__atomic_add_fetch(asked, 1, __ATOMIC_RELAXED);
	} while (ret == -ENODEV);
	return (void *)ret;
}

/* Requests in every state are in the way of halting. */
static void test_halt_while_asked(void)
{
	long wrong = 0;

	for (int i = 0; i < 10; i++) {
		unsigned long asked = 0;
		pthread_t threads[2];
		void *result;

		kernel = boot(NULL);
		rumpus_sys_mkdirat(AT_FDCWD, "/mnt", 0755);
		for (int t = 0; t < 2; t++)
			if (pthread_create(&threads[t], NULL, ask, &asked))
				tap_abort("no thread");
		while (__atomic_load_n(&asked, __ATOMIC_RELAXED) < (unsigned long)i)
			sched_yield();
		rumpus_halt(kernel);
		for (int t = 0; t < 2; t++) {
			pthread_join(threads[t], &result);
			wrong += (long)result != -ESHUTDOWN;
		}
	}
	tap_is(wrong, 0, "halting while components are asked for");
}

/* Every one there is, some in a kernel, so that what one brings is not there for all that come later */
static void test_every(void)
{
	unsigned int loaded = 0, failed = 0;
	glob_t files;

	if (glob("copy/*.ko", 0, NULL, &files))
		tap_abort("no components");
	for (size_t i = 0; i < files.gl_pathc; i++) {
		char *name = strrchr(files.gl_pathv[i], '/') + 1;

		if (i % 8 == 0) {
			if (i)
				rumpus_halt(kernel);
			kernel = boot("copy");
		}
		name[strlen(name) - strlen(".ko")] = '\0';
		if (!load(name)) {
			loaded++;
			continue;
		}
		tap_note("%s: %s", name, error);
		failed++;
	}
	rumpus_halt(kernel);
	globfree(&files);
	tap_ok(loaded && !failed, "all %u components are loaded", loaded);
}

int main(void)
{
	char command[4096];

	run("PATH=$PATH:/usr/sbin:/sbin mkfs.vfat -C " FAT_IMAGE " 4096 >mkfs.log");
	kernel = boot(NULL);
	mount_proc();
	add_fat();
	snprintf(command, sizeof(command), "mkdir copy && cp $(dirname \"$RUMPUS_IMAGE\")/%s/* copy",
		 strrchr(rumpus_version(kernel), ' ') + 1);
	run(command);
	test_deferred();
	test_by_name();
	test_by_itself();
	test_many();
	test_close();
	rumpus_halt(kernel);

	test_every();
	kernel = boot("copy");
	mount_proc();
	add_fat();
	test_wrong_files();
	rumpus_halt(kernel);
	test_missing_dependency();
	test_wrong_index("vfat", "", "components");
	test_wrong_index("vfat", "rumpus-components 2\n", "components");
	kernel = boot("");
	refused("vfat", -ENOENT, "RUMPUS_COMPONENTS");
	rumpus_halt(kernel);
	test_halt();
	test_halt_while_asked();
	return tap_done();
}
