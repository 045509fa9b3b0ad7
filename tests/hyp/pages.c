// SPDX-License-Identifier: BSD-2-Clause
/* mem_commit(), mem_release(): there is memory when it was promised, none when it was given back, and it is zero */
#include <stdlib.h>

#include "suite.h"

#define RW (HYP_PROT_READ | HYP_PROT_WRITE)
#define PAGES 64

static struct hyp_info info;
static struct hyp *h;
static size_t page;

static bool is_all(const char *at, size_t size, char value)
{
	return *at == value && !memcmp(at, at + 1, size - 1);
}

static void test_commit(void)
{
	char *a = suite_reserve(h, 2 * PAGES * page);

	suite_map(h, a, PAGES * page, 0, RW);
	suite_map(h, a + PAGES * page, page, 0, HYP_PROT_READ);
	tap_is(host_resident(a, PAGES * page), 0, "mapped memory is not charged");
	tap_is(ops->mem_commit(h, a + page, 8 * page), 0, "a commit");
	tap_ok(host_resident(a + page, 8 * page) == 8 * page, "puts memory behind all of it");
	tap_ok(is_all(a, PAGES * page, 0), "that reads as zero");
	memset(a, 7, PAGES * page);
	tap_is(ops->mem_commit(h, a, PAGES * page), 0, "another commit");
	tap_ok(is_all(a, PAGES * page, 7), "keeps what is there");
	tap_is(ops->mem_commit(h, a + 1, page), -HYP_EINVAL, "an odd address");
	tap_is(ops->mem_commit(h, a, page - 1), -HYP_EINVAL, "an odd size");
	tap_is(ops->mem_commit(h, a, -page), -HYP_EINVAL, "a size that wraps");
	tap_is(ops->mem_commit(h, a + PAGES * page, page), -HYP_EINVAL, "what cannot be written");
	tap_is(ops->mem_commit(h, a + (PAGES - 1) * page, 2 * page), -HYP_EINVAL, "what can be written in part");
	tap_is(ops->mem_commit(h, a + (PAGES + 1) * page, page), -HYP_EINVAL, "reserved space");
	tap_is(ops->mem_commit(h, &info, page), -HYP_EINVAL, "no reservation");

	suite_map(h, a, page, HYP_MEM_ANONYMOUS, RW);
	suite_map(h, a + page, page, (PAGES + 9) * page, RW);
	tap_is(ops->mem_commit(h, a, 4 * page), 0, "a commit across pieces of several kinds");
	tap_ok(host_resident(a, 4 * page) == 4 * page, "puts memory behind all of them");
	ops->mem_unreserve(h, a, 2 * PAGES * page);
}

static void test_release(void)
{
	char *a = suite_reserve(h, 2 * PAGES * page), *b = suite_reserve(h, PAGES * page);

	suite_map(h, a, PAGES * page, 0, RW);
	suite_map(h, b, PAGES * page, 0, RW);
	ops->mem_commit(h, a, PAGES * page);
	memset(a, 9, PAGES * page);
	tap_is(ops->mem_release(h, a + page, 4 * page), 0, "a release");
	tap_is(host_resident(b + page, 4 * page), 0, "gives memory back to the host");
	tap_ok(is_all(b + page, 4 * page, 0) && is_all(a + page, 4 * page, 0), "and zero shows in every mapping");
	tap_ok(is_all(a, page, 9) && is_all(a + 5 * page, (PAGES - 5) * page, 9), "and nothing else is lost");
	ops->mem_release(h, a, PAGES * page);
	tap_is(ops->mem_commit(h, a, PAGES * page), 0, "committing again");
	tap_ok(is_all(b, PAGES * page, 0), "gives zeroes");

	memset(a, 9, PAGES * page);
	suite_map(h, b, page, 0, HYP_PROT_READ);
	tap_is(ops->mem_release(h, b, page), 0, "a release through a mapping that cannot be written");
	tap_ok(is_all(a, page, 0), "counts as well");
	suite_map(h, a, page, HYP_MEM_ANONYMOUS, RW);
	memset(a, 5, page);
	tap_is(ops->mem_release(h, a, 2 * page), 0, "a release across pieces of several kinds");
	tap_ok(is_all(a, 2 * page, 0) && is_all(b + page, page, 0) && is_all(b, page, 0), "empties all of them");
	tap_is(ops->mem_release(h, a + PAGES * page, page), -HYP_EINVAL, "reserved space");
	tap_is(ops->mem_release(h, a + (PAGES - 1) * page, 2 * page), -HYP_EINVAL, "what is mapped in part");
	tap_ok(is_all(a + (PAGES - 1) * page, page, 9), "is not released in part");
	tap_is(ops->mem_release(h, a + 1, page), -HYP_EINVAL, "an odd address");
	tap_is(ops->mem_release(h, &info, page), -HYP_EINVAL, "no reservation");
	ops->mem_unreserve(h, a, 2 * PAGES * page);
	ops->mem_unreserve(h, b, PAGES * page);
}

/* Memory that a new instance gets is nobody's old memory. */
static void test_fresh(void)
{
	struct hyp *other;
	char *a;

	other = suite_open(NULL);
	a = suite_reserve(other, PAGES * page);
	suite_map(other, a, PAGES * page, 0, RW);
	memset(a, 3, PAGES * page);
	ops->fini(other);
	tap_ok(!host_readable(a), "the end of an instance unmaps its memory");
	other = suite_open(NULL);
	a = suite_reserve(other, PAGES * page);
	suite_map(other, a, PAGES * page, 0, RW);
	tap_ok(is_all(a, PAGES * page, 0), "a new instance begins with zeroes");
	ops->fini(other);
}

struct forked {
	char *memory;
};

static void look(void *arg)
{
	struct forked *f = arg;

	_Exit(host_readable(f->memory) || host_readable(f->memory + page));
}

static void test_forked(void)
{
	struct forked f = { .memory = suite_reserve(h, 2 * page) };

	suite_map(h, f.memory, page, 0, RW);
	suite_map(h, f.memory + page, page, HYP_MEM_ANONYMOUS, RW);
	if (host_emulated())
		tap_skip(1, "qemu-user knows no MADV_DONTFORK");
	else
		tap_ok(!host_fork(look, &f) && host_readable(f.memory), "a forked child has none of the memory");
	ops->mem_unreserve(h, f.memory, 2 * page);
}

void test_pages(void)
{
	h = suite_open(&info);
	page = info.page_size;
	test_commit();
	test_release();
	test_fresh();
	test_forked();
	ops->fini(h);
}
