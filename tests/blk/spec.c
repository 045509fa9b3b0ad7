// SPDX-License-Identifier: BSD-2-Clause
/* Specifications of block devices: what is understood, what is refused, and that messages name it and the remedy */
#include <stdio.h>
#include <string.h>

#include "disk.h"
#include "../tap.h"

/* Threads of backends have their stacks beside what the program keeps for each thread. */
static __thread volatile char large[4 << 20];

static void refused(const char *spec, int expected, const char *named, const char *remedy)
{
	struct hyp_blk *disk = NULL;
	char error[512] = "";
	int result = hyp_blk_open(spec, 0, &disk, error, sizeof(error));

	tap_ok(result == expected && !disk, "\"%s\": error %d", spec, result);
	tap_ok(strstr(error, named) && strstr(error, remedy) && !strchr(error, '\n'), "\"%s\": %s", spec, error);
}

static void size_is(const char *spec, uint64_t size)
{
	struct hyp_blk *disk;
	char error[512] = "";

	if (!tap_ok(!hyp_blk_open(spec, 0, &disk, error, sizeof(error)), "\"%s\" opens%s", spec, error))
		return;
	tap_is((long long)disk->info.size, (long long)size, "\"%s\": size", spec);
	disk->ops->close(disk);
}

int main(void)
{
	struct hyp_blk *disk;
	char small[8];

	size_is("mem,size=4096:", 4096);
	size_is("mem,size=8k:", 8192);
	size_is("mem,size=3M:", 3 << 20);
	size_is("mem,size=2G:", UINT64_C(2) << 30);
	size_is("mem,size=1T:", UINT64_C(1) << 40);
	size_is("mem,block=4k,size=0x10000:", 65536);
	size_is("window,offset=4k,size=8k:mem,size=1M:", 8192);
	size_is("window,offset=4k:mem,size=1M:", (1 << 20) - 4096);
	large[0] = 1;
	size_is("fault:mem,size=1M:", 1 << 20);
	size_is("cow,limit=1M:ro:window,size=64k:mem,size=1M:", 65536);

	refused("disk.img", -HYP_EINVAL, "disk.img", "file:disk.img");
	refused("", -HYP_EINVAL, "names no backend", "file:");
	refused("fil:disk.img", -HYP_EINVAL, "fil", "file, mem, window");
	refused("mem:", -HYP_EINVAL, "size", "mem,size=64M:");
	refused("mem,size=1000:", -HYP_EINVAL, "size=1000", "multiple of 512");
	refused("mem,size=1X:", -HYP_EINVAL, "size=1X", "k, M, G or T");
	refused("mem,size=1MM:", -HYP_EINVAL, "size=1MM", "k, M, G or T");
	refused("mem,size=-1:", -HYP_EINVAL, "size=-1", "k, M, G or T");
	refused("mem,size=99999999999T:", -HYP_EINVAL, "size=99999999999T", "k, M, G or T");
	refused("mem,size=99999999999999999999999:", -HYP_EINVAL, "size=9999", "number of bytes");
	refused("mem,size:", -HYP_EINVAL, "size has no value", "size=VALUE");
	refused("mem,size=1M,size=2M:", -HYP_EINVAL, "size is given twice", "leave one");
	refused("mem,colour=red:", -HYP_EINVAL, "colour", "size, block");
	refused("ro,x=1:mem,size=1M:", -HYP_EINVAL, "\"x\"", "none");
	refused("mem,size=1M,:", -HYP_EINVAL, "\"\"", "size, block");
	refused("mem,size=1M:rest", -HYP_EINVAL, "rest", "leave it out");
	refused("mem,size=1M,block=1000:", -HYP_EINVAL, "block=1000", "power of two");
	refused("ro:", -HYP_EINVAL, "ro", "ro:SPEC");
	refused("window,offset=2M:mem,size=1M:", -HYP_EINVAL, "offset=2097152", "below 1048576");
	refused("window,offset=100:mem,size=1M:", -HYP_EINVAL, "offset=100", "multiple of 512");
	refused("window,offset=512k,size=1M:mem,size=1M:", -HYP_EINVAL, "size=1048576", "524288");
	refused("window,size=0:mem,size=1M:", -HYP_EINVAL, "size=0", "multiple of");
	refused("window:ro:nothing:x", -HYP_EINVAL, "nothing", "file, mem");
	refused("cow,scratch=tape:mem,size=1M:", -HYP_EINVAL, "scratch=tape", "mem, file or fd=");
	refused("cow,scratch=fd=999:mem,size=1M:", -HYP_EFBIG, "scratch", "");
	refused("fault,range=5:mem,size=1M:", -HYP_EINVAL, "range=5", "OFFSET+SIZE");
	refused("fault,cut=soon:mem,size=1M:", -HYP_EINVAL, "cut=soon", "close");
	refused("fault,prob=101:mem,size=1M:", -HYP_EINVAL, "prob=101", "from 0 to 100");
	refused("fault,cut=1:ro:mem,size=1M:", -HYP_EROFS, "cut", "written to");
	refused("file:", -HYP_EINVAL, "names no file", "file:disk.img");
	refused("file,engine=steam:x", -HYP_EINVAL, "engine=steam", "auto, uring, threads");
	refused("file,direct=yes:x", -HYP_EINVAL, "direct=yes", "0 or 1");
	refused("file,fd=999:", -HYP_EBADF, "fd=999", "Bad file");
	refused("file,fd=999:disk.img", -HYP_EBADF, "disk.img", "Bad file");

	tap_is(hyp_blk_open("mem:", 0, &disk, NULL, 0), -HYP_EINVAL, "no buffer for the message");
	tap_ok(hyp_blk_open("mem:", 0, &disk, small, sizeof(small)) == -HYP_EINVAL && strlen(small) == 7,
	       "a small buffer for the message");
	tap_is(hyp_blk_open("mem,size=1M:", 0x80, &disk, NULL, 0), -HYP_EINVAL, "unknown flags");
	return tap_done();
}
