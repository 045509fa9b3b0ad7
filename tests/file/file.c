// SPDX-License-Identifier: BSD-2-Clause
/* The family file: both backends, and that nothing leads out of the directory that was opened */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rumpus/hyp_file.h>

#include "../../io/file/file.h"
#include "../tap.h"

#define CONTENTS 10000U

static char dir[256];
static unsigned char contents[CONTENTS];

static const char *in(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, size_t size)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, contents, size) != (ssize_t)size || close(fd))
		tap_abort("cannot write %s: %s", name, strerror(errno));
}

/*
 * dir/outside          a file that must not be reached
 * dir/loop             -> loop
 * dir/top/image        CONTENTS bytes
 * dir/top/sub/image    the same
 * dir/top/link         -> sub/image, stays below
 * dir/top/out          -> ../outside
 * dir/top/abs          -> dir/outside
 * dir/top/up           -> ..
 * dir/top/magic        -> /proc/self/root
 */
static void make_tree(void)
{
	const char *parent = getenv("TMPDIR");
	char outside[512];
	unsigned int i;

	for (i = 0; i < CONTENTS; i++)
		contents[i] = (unsigned char)(i * 7 + i / 256);
	snprintf(dir, sizeof(dir), "%s/rumpus-test-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(dir))
		tap_abort("no scratch directory");
	mkdir(in("top"), 0700);
	mkdir(in("top/sub"), 0700);
	write_file("outside", 10);
	write_file("top/image", CONTENTS);
	write_file("top/sub/image", CONTENTS);
	snprintf(outside, sizeof(outside), "%s", in("outside"));
	if (symlink("sub/image", in("top/link")) || symlink("../outside", in("top/out")) ||
	    symlink("loop", in("loop")) || symlink(outside, in("top/abs")) || symlink("..", in("top/up")) ||
	    symlink("/proc/self/root", in("top/magic")) || mkfifo(in("top/fifo"), 0600))
		tap_abort("cannot make links: %s", strerror(errno));
}

static void remove_tree(void)
{
	static const char *const names[] = { "top/link",  "top/out",	   "top/abs", "top/up", "top/magic", "top/fifo",
					     "top/image", "top/sub/image", "top/sub", "top",	"outside",   "loop", "" };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(in(names[i]));
}

static int open_below(struct hyp_file *top, const char *name)
{
	struct hyp_file *file;
	int result = top->ops->open(top, name, &file);

	if (!result)
		file->ops->close(file);
	return result;
}

static void check_confined(struct hyp_file *top)
{
	static const struct {
		const char *name;
		int result;
	} paths[] = {
		{ "image", 0 },
		{ "sub/image", 0 },
		{ "sub", 0 },
		{ "sub/", 0 },
		{ "./sub/./image", 0 },
		{ "link", 0 },
		{ "none", -HYP_ENOENT },
		{ "", -HYP_ENOENT },
		{ "image/x", -HYP_ENOTDIR },
		{ "..", -HYP_EACCES },
		{ "../outside", -HYP_EACCES },
		{ "sub/../../outside", -HYP_EACCES },
		{ "out", -HYP_EACCES },
		{ "abs", -HYP_EACCES },
		{ "up/outside", -HYP_EACCES },
		{ "magic/etc/passwd", -HYP_EACCES },
		{ "/etc/passwd", -HYP_EACCES },
	};
	unsigned int i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		tap_is(open_below(top, paths[i].name), paths[i].result, "open \"%s\"", paths[i].name);
}

/* What serves on hosts without openat2(2) is stricter: it follows no link at all */
static void check_walk(void)
{
	static const struct {
		const char *name;
		int error;
	} paths[] = {
		{ "image", 0 },	   { "sub/image", 0 },	    { "./sub//image", 0 },
		{ "sub/", 0 },	   { "none", ENOENT },	    { "image/x", ENOTDIR },
		{ "..", EXDEV },   { "../outside", EXDEV }, { "sub/../../outside", EXDEV },
		{ "link", ELOOP }, { "out", ELOOP },	    { "up/outside", ENOTDIR },
	};
	int top = open(in("top"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = file_walk(top, paths[i].name);

		tap_is(fd < 0 ? errno : 0, paths[i].error, "walk to \"%s\"", paths[i].name);
		if (fd >= 0)
			close(fd);
	}
	close(top);
}

static bool count_one(void *arg, const char *name, uint32_t type)
{
	unsigned int *count = arg;

	if (!strcmp(name, "image"))
		*count += type == HYP_FILE_REGULAR ? 100 : 0;
	else if (!strcmp(name, "sub"))
		*count += type == HYP_FILE_DIRECTORY ? 1000 : 0;
	else
		*count += type == HYP_FILE_OTHER && name[0] != '.';
	return true;
}

static bool stop_at_once(void *arg, const char *name, uint32_t type)
{
	++*(unsigned int *)arg;
	return false;
}

static void check_list(struct hyp_file *top)
{
	unsigned int count = 0;

	tap_ok(!top->ops->list(top, count_one, &count) && count == 1106, "list names and types (%u)", count);
	count = 0;
	tap_ok(!top->ops->list(top, count_one, &count) && count == 1106, "and again");
	count = 0;
	tap_ok(!top->ops->list(top, stop_at_once, &count) && count == 1, "list ends when told to");
}

/* What is the same for a file of the host and one in memory */
static void check_regular(struct hyp_file *file)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = 4 * page;
	unsigned char *memory = calloc(1, CONTENTS + 100), *place;
	const char *name = file->ops->name;
	struct hyp_file_info info;
	struct hyp_file *none;
	unsigned int count = 0;

	tap_ok(file->ops->version == HYP_FILE_VERSION && file->ops->size == sizeof(struct hyp_file_ops), "%s: version",
	       name);
	tap_ok(!file->ops->info(file, &info) && info.size == CONTENTS && info.type == HYP_FILE_REGULAR, "%s: info",
	       name);
	tap_is(file->ops->read(file, memory, CONTENTS + 100, 0), CONTENTS, "%s: read whole", name);
	tap_ok(!memcmp(memory, contents, CONTENTS), "%s: as it is", name);
	tap_ok(file->ops->read(file, memory, 50, 777) == 50 && !memcmp(memory, contents + 777, 50), "%s: read a part",
	       name);
	tap_is(file->ops->read(file, memory, 50, CONTENTS), 0, "%s: read at the end", name);
	tap_is(file->ops->read(file, memory, 50, CONTENTS - 20), 20, "%s: read over the end", name);
	tap_is(file->ops->open(file, "x", &none), -HYP_ENOTDIR, "%s: open below a file", name);
	tap_is(file->ops->list(file, stop_at_once, &count), -HYP_ENOTDIR, "%s: list a file", name);

	place = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tap_is(file->ops->map(file, place, 3 * page, 0, HYP_PROT_READ | HYP_PROT_WRITE), 0, "%s: map", name);
	tap_ok(!memcmp(place, contents, CONTENTS) && !place[CONTENTS] && !place[3 * page - 1], "%s: zeroes after it",
	       name);
	place[5] ^= 1;
	tap_ok(file->ops->read(file, memory, 10, 0) == 10 && memory[5] == contents[5], "%s: stores stay in the copy",
	       name);
	tap_is(file->ops->map(file, place + page, page, page, HYP_PROT_READ | HYP_PROT_EXEC), 0, "%s: map code", name);
	tap_ok(!memcmp(place + page, contents + page, page), "%s: the right part of it", name);
	tap_is(file->ops->map(file, place + 1, page, 0, HYP_PROT_READ), -HYP_EINVAL, "%s: map at an odd address", name);
	tap_is(file->ops->map(file, place, page, 5, HYP_PROT_READ), -HYP_EINVAL, "%s: map an odd offset", name);
	tap_is(file->ops->map(file, place, 4 * page, 0, HYP_PROT_READ), -HYP_EINVAL, "%s: map pages beyond the end",
	       name);
	tap_is(file->ops->map(file, place, 0, 0, HYP_PROT_READ), -HYP_EINVAL, "%s: map nothing", name);
	file->ops->close(file);
	tap_ok(place[6] == contents[6], "%s: a mapping outlives the file", name);
	munmap(place, room);
	free(memory);
}

int main(void)
{
	struct hyp_file *top, *file;
	struct hyp_file_info info;
	char byte;

	make_tree();
	if (!tap_ok(!hyp_file_open(in("top"), &top), "open a directory"))
		return tap_done();
	tap_ok(!top->ops->info(top, &info) && info.type == HYP_FILE_DIRECTORY, "info of a directory");
	tap_is(top->ops->read(top, &byte, 1, 0), -HYP_EISDIR, "read a directory");
	check_confined(top);
	check_walk();
	check_list(top);
	tap_is(hyp_file_open(in("none"), &file), -HYP_ENOENT, "no such file");
	tap_is(hyp_file_open(in("loop"), &file), -ELOOP, "a link to itself");
	if (tap_ok(!top->ops->open(top, "image", &file), "open a file below")) {
		top->ops->close(top);
		check_regular(file);
	}
	if (tap_ok(!hyp_file_open_mem(contents, CONTENTS, &file), "open memory"))
		check_regular(file);
	remove_tree();
	return tap_done();
}
