// SPDX-License-Identifier: BSD-2-Clause
/* mem_reserve(), mem_unreserve(), mem_map(): bounds, alignment, aliases, batches; running code */
#include "suite.h"

#define RW (HYP_PROT_READ | HYP_PROT_WRITE)

static struct hyp_info info;
static struct hyp *h;
static size_t page;

static int reserve(size_t size, size_t align, void **addr)
{
	return ops->mem_reserve(h, size, align, NULL, addr);
}

static void test_reserve(void)
{
	static const size_t aligns[] = { 0, 4096, 65536, 2 << 20, 64 << 20 };
	void *addr, *other;
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(aligns) / sizeof(aligns[0]); i++) {
		if (aligns[i] && aligns[i] < page)
			continue;
		good &= !reserve(3 * page, aligns[i], &addr) &&
			!((uintptr_t)addr & ((aligns[i] ? aligns[i] : page) - 1));
		good &= !host_readable(addr) && !ops->mem_unreserve(h, addr, 3 * page);
	}
	tap_ok(good, "reservations of several alignments");
	addr = &info;
	tap_is(reserve(0, 0, &addr), -HYP_EINVAL, "no size");
	tap_is(reserve(page + 1, 0, &addr), -HYP_EINVAL, "an odd size");
	tap_is(reserve(page, page / 2, &addr), -HYP_EINVAL, "less than a page's alignment");
	tap_is(reserve(page, 3 * page, &addr), -HYP_EINVAL, "an alignment that is no power of two");
	tap_is(reserve(SIZE_MAX & ~(page - 1), 0, &addr), -HYP_ENOMEM, "more than there can be");
	tap_is(reserve((size_t)1 << 62, (size_t)1 << 62, &addr), -HYP_ENOMEM, "more than there can be, aligned");
	tap_ok(addr == &info, "failures leave the address alone");

	tap_is(ops->mem_reserve(h, 4 * page, 0, (void *)1, &addr), 0, "a hint of no use");
	tap_is(ops->mem_unreserve(h, addr, page), -HYP_EINVAL, "giving back the first part");
	tap_is(ops->mem_unreserve(h, (char *)addr + page, 3 * page), -HYP_EINVAL, "giving back the last part");
	tap_is(ops->mem_unreserve(h, addr, 4 * page), 0, "giving back the whole");
	tap_is(ops->mem_unreserve(h, addr, 4 * page), -HYP_EINVAL, "giving it back twice");
	tap_is(ops->mem_reserve(h, page, 0, addr, &other), 0, "a hint");
	ops->mem_unreserve(h, other, page);
}

static void test_bounds(void)
{
	char *at = suite_reserve(h, 4 * page);
	struct hyp_map map = { .addr = at, .size = page, .offset = 0, .prot = RW };

	tap_is(suite_map(h, at + 1, page, 0, RW), -HYP_EINVAL, "an odd address");
	tap_is(suite_map(h, at, page - 1, 0, RW), -HYP_EINVAL, "an odd size");
	tap_is(suite_map(h, at, 0, 0, RW), -HYP_EINVAL, "no size");
	tap_is(suite_map(h, at, page, 1, RW), -HYP_EINVAL, "an odd offset");
	tap_is(suite_map(h, at, page, info.mem_bound, RW), -HYP_EINVAL, "beyond the object");
	tap_is(suite_map(h, at, 2 * page, info.mem_bound - page, RW), -HYP_EINVAL, "across the object's end");
	tap_is(suite_map(h, at, 2 * page, -(uint64_t)4 * page, RW), -HYP_EINVAL, "an offset that wraps");
	tap_is(suite_map(h, at, 5 * page, 0, RW), -HYP_EINVAL, "across the reservation's end");
	tap_is(suite_map(h, at - page, 2 * page, 0, RW), -HYP_EINVAL, "across the reservation's start");
	tap_is(suite_map(h, at, -page, 0, RW), -HYP_EINVAL, "a size that wraps");
	tap_is(suite_map(h, at, page, 0, 8), -HYP_EINVAL, "a protection that is not");
	map.reserved = 1;
	tap_is(ops->mem_map(h, &map, 1), -HYP_EINVAL, "a reserved field in use");
	tap_is(ops->mem_map(h, &map, 0), 0, "an empty batch");
	tap_ok(!host_readable(at), "none of them mapped anything");
	tap_is(suite_map(h, at, page, info.mem_bound - page, RW), 0, "the object's last page");
	tap_ok(host_writable(at) && !host_readable(at + page), "is there, and nothing more");
	ops->mem_unreserve(h, at, 4 * page);
}

static void test_alias(void)
{
	char *a = suite_reserve(h, 4 * page), *b = suite_reserve(h, 4 * page);

	suite_map(h, a, 2 * page, 8 * page, RW);
	suite_map(h, b + page, 2 * page, 8 * page, HYP_PROT_READ);
	strcpy(a + page, "seen twice");
	tap_ok(!strcmp(b + 2 * page, "seen twice"), "two mappings show the same bytes");
	tap_ok(!host_writable(b + page) && host_writable(a), "each with its own protection");
	suite_map(h, a, page, 9 * page, RW);
	tap_ok(!strcmp(a, "seen twice"), "a new mapping replaces an old one");
	suite_map(h, a, 2 * page, HYP_MEM_NONE, RW);
	tap_ok(!host_readable(a) && !host_readable(a + page), "HYP_MEM_NONE leaves nothing accessible");
	tap_ok(!strcmp(b + 2 * page, "seen twice"), "and other mappings alone");
	suite_map(h, a + 3 * page, page, 9 * page, RW);
	tap_ok(!strcmp(a + 3 * page, "seen twice"), "the object keeps what no mapping shows");
	suite_map(h, a, page, 9 * page, HYP_PROT_NONE);
	tap_ok(!host_readable(a), "a mapping without rights");
	ops->mem_unreserve(h, a, 4 * page);
	ops->mem_unreserve(h, b, 4 * page);
	tap_ok(!host_readable(b + 2 * page), "what was given back is gone");
}

static void test_anonymous(void)
{
	size_t large = 8 << 20;
	char *a = suite_reserve(h, large);

	tap_is(suite_map(h, a, 2 * page, HYP_MEM_ANONYMOUS, RW), 0, "anonymous memory");
	tap_ok(!*a && !a[page], "reads as zero");
	strcpy(a, "mine");
	suite_map(h, a + page, page, 0, RW);
	tap_ok(!strcmp(a, "mine"), "its remains survive a mapping beside it");
	suite_map(h, a, page, HYP_MEM_ANONYMOUS, RW);
	tap_ok(!*a, "mapped again it is zero again");
	tap_is(suite_map(h, a, large, HYP_MEM_ANONYMOUS, RW), 0, "a large piece");
	tap_is(ops->mem_commit(h, a, large), 0, "committed");
	tap_ok(!a[large - 1] && host_writable(a + large - 1), "is zero and writable");
	ops->mem_unreserve(h, a, large);
}

static void test_batch(void)
{
	char *a = suite_reserve(h, 8 * page), *b = suite_reserve(h, 8 * page);
	struct hyp_map map[] = {
		{ .addr = a, .size = page, .offset = 0, .prot = RW },
		{ .addr = a + page, .size = page, .offset = page, .prot = RW }, /* continues the first */
		{ .addr = b, .size = page, .offset = 2 * page, .prot = RW },
		{ .addr = a + page, .size = page, .offset = 3 * page, .prot = RW },	      /* replaces the second */
		{ .addr = a + 4 * page, .size = page, .offset = info.mem_bound, .prot = RW }, /* fails */
		{ .addr = b + page, .size = page, .offset = 0, .prot = RW },
	};

	tap_is(ops->mem_map(h, map, 6), -HYP_EINVAL, "a batch with a mistake");
	tap_ok(host_writable(a) && host_writable(a + page) && host_writable(b), "what came before it is done");
	tap_ok(!host_readable(a + 4 * page) && !host_readable(b + page), "it and what comes after is not");
	suite_map(h, b + 2 * page, 4 * page, 0, RW);
	strcpy(a, "first");
	strcpy(a + page, "fourth");
	tap_ok(!strcmp(b + 2 * page, "first") && !strcmp(b + 5 * page, "fourth"), "the batch was done in order");
	ops->mem_unreserve(h, a, 8 * page);
	ops->mem_unreserve(h, b, 8 * page);
}

static int call(void *code)
{
	int (*function)(void) = (int (*)(void))(uintptr_t)code;

	return function();
}

static void test_code(void)
{
	char *write = suite_reserve(h, 4 * page), *run = suite_reserve(h, 4 * page);
	bool good = true;
	int i, ret;

	suite_map(h, write, page, 0, RW);
	suite_map(h, run, page, 0, HYP_PROT_READ | HYP_PROT_EXEC);
	ret = ops->mem_sync_code(h, run, page);
	if (ret == -HYP_ENOSYS) {
		tap_skip(1, "this host cannot make cores see new code");
	} else if (host_emulated()) {
		tap_skip(1, "qemu-user sees no new code that comes through an alias");
	} else {
		for (i = 0; i < 100; i++) {
			suite_code_return(write, i);
			ret |= ops->mem_sync_code(h, run, 64);
			good &= call(run) == i;
		}
		tap_ok(good && !ret, "code written through an alias runs after mem_sync_code");
	}
	tap_is(ops->mem_sync_code(h, run + 3 * page, 2 * page), -HYP_EINVAL, "code beyond the reservation");
	tap_is(ops->mem_sync_code(h, &info, sizeof(info)), -HYP_EINVAL, "code in no reservation");
	ops->mem_unreserve(h, write, 4 * page);
	ops->mem_unreserve(h, run, 4 * page);
}

void test_memory(void)
{
	h = suite_open(&info);
	page = info.page_size;
	test_reserve();
	test_bounds();
	test_alias();
	test_anonymous();
	test_batch();
	test_code();
	ops->fini(h);
}
