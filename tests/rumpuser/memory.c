// SPDX-License-Identifier: BSD-2-Clause
/* Memory: alignment, contents, and that it goes back */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suite.h"

static bool aligned(const void *p, size_t align)
{
	return ((uintptr_t)p & (align - 1)) == 0;
}

static void allocate(size_t size, int align)
{
	void *p = NULL;
	int error;

	call_begin("malloc", MAY_LEAVE, NULL);
	error = ru.malloc(size, align, &p);
	call_end();
	if (!tap_ok(!error && p, "malloc of %zu, alignment %d: error %d", size, align, error))
		return;
	tap_ok(aligned(p, align ? (size_t)align : sizeof(void *)), "%p is aligned", p);
	memset(p, 0x5a, size);
	ru.free(p, size);
}

static void impossible(void)
{
	void *p = &p;
	int error = ru.malloc(SIZE_MAX / 4, 0, &p);

	tap_is(error, NB_ENOMEM, "malloc of more than there is");
	p = NULL;
	error = ru.anonmmap(NULL, SIZE_MAX / 4, 0, 0, &p);
	tap_is(error, NB_ENOMEM, "mapping more than there is");
}

enum { PIECES = 64, STEPS = 4000 };

struct piece {
	unsigned char *at;
	size_t size;
	unsigned char mark;
};

static bool intact(const struct piece *piece)
{
	size_t i;

	for (i = 0; i < piece->size; i++) {
		if (piece->at[i] != piece->mark)
			return false;
	}
	return true;
}

/* Pieces that come and go: none may overlap another. */
static void churn(void *arg)
{
	struct piece pieces[PIECES] = { { NULL, 0, 0 } };
	uint64_t random = suite_seed() * 17 + (uintptr_t)arg;
	int i, damaged = 0;

	for (i = 0; i < suite_rounds(STEPS) + PIECES; i++) {
		struct piece *piece = &pieces[i < suite_rounds(STEPS) ? random_next(&random) % PIECES
								      : (uint32_t)(i - suite_rounds(STEPS))];
		void *p;

		if (piece->at) {
			damaged += !intact(piece);
			ru.free(piece->at, piece->size);
		}
		piece->at = NULL;
		if (i >= suite_rounds(STEPS))
			continue;
		piece->size = 1 + random_next(&random) % (random_next(&random) % 16 ? 512 : 20000);
		piece->mark = random_next(&random);
		if (rule(!ru.malloc(piece->size, random_next(&random) % 4 ? 0 : 1 << (4 + i % 9), &p),
			 "malloc fails")) {
			piece->at = p;
			memset(p, piece->mark, piece->size);
		}
		progress();
	}
	rule(!damaged, "malloc: %d pieces overlap others", damaged);
}

/* Bytes of address space, or of those that there is memory behind, whoever keeps them */
static long usage(bool resident)
{
	long pages[2] = { -1, -1 };
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2)
		tap_abort("/proc/self/statm");
	fclose(file);
	return pages[resident] * sysconf(_SC_PAGESIZE);
}

static void leaks(void)
{
	const long most = 16 << 20; /* arenas of the C library come late */
	struct thread *threads[3];
	long before = 0, more;
	int round, i;

	for (round = 0; round < 6; round++) {
		if (round == 2)
			before = usage(true);
		for (i = 0; i < 3; i++)
			threads[i] = thread_start(churn, (void *)(uintptr_t)i, ANY_CPU);
		for (i = 0; i < 3; i++)
			thread_end(threads[i]);
	}
	more = usage(true) - before;
	tap_ok(more < most, "freed memory is not lost: %+ld KiB", more / 1024);
}

static void map(int bit, bool exec)
{
	const size_t size = 3 << 20, page = sysconf(_SC_PAGESIZE);
	unsigned char *p;
	void *at = NULL;
	size_t i, dirty = 0;
	long before;
	int error, probe = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	error = ru.anonmmap(NULL, size, bit, exec, &at);
	if (!tap_ok(!error && at, "anonmmap, 2^%d, exec %d: error %d", bit, exec, error))
		return;
	p = at;
	suite_better(aligned(p, bit ? (size_t)1 << bit : page), "the mapping is aligned");
	for (i = 0; i < size; i++)
		dirty += p[i] != 0;
	tap_is(dirty, 0, "it is zero");
	memset(p, 0x5a, size);
	before = usage(false);
	ru.unmap(at, size);
	tap_ok(before - usage(false) >= (long)size, "unmap gives its address space back");
	tap_ok(read(probe, p + page, 1) < 0, "there is nothing any more");
	close(probe);
}

static bool executable(const void *p)
{
	unsigned long from, to;
	char line[512], rights[5];
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;

	while (maps && !found && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3)
			found = (uintptr_t)p >= from && (uintptr_t)p < to && rights[2] == 'x';
	}
	if (maps)
		fclose(maps);
	return found;
}

static void rights(void)
{
	void *plain = NULL, *code = NULL;

	rule(!ru.anonmmap(NULL, 65536, 0, 0, &plain) && !ru.anonmmap(NULL, 65536, 0, 1, &code), "anonmmap fails");
	tap_ok(!executable(plain), "a plain mapping is not executable");
	tap_ok(executable(code), "an executable one is");
	ru.unmap(plain, 65536);
	ru.unmap(code, 65536);
}

/* A wish is no promise, but the memory is usable. */
static void wish(void)
{
	void *first = NULL, *second = NULL;

	rule(!ru.anonmmap(NULL, 1 << 20, 0, 0, &first), "anonmmap fails");
	memset(first, 1, 1 << 20);
	rule(!ru.anonmmap(first, 1 << 20, 0, 0, &second), "anonmmap with a wish fails");
	tap_ok(first != second, "a wish does not replace what is there");
	memset(second, 2, 1 << 20);
	tap_is(*(unsigned char *)first, 1, "nor does it share");
	ru.unmap(second, 1 << 20);
	ru.unmap(first, 1 << 20);
}

void test_memory(void)
{
	static const int aligns[] = { 0, 8, 16, 64, 512, 4096, 65536, 1 << 20 };
	size_t i;

	for (i = 0; i < sizeof(aligns) / sizeof(aligns[0]); i++) {
		allocate(100, aligns[i]);
		allocate(70000, aligns[i]);
	}
	impossible();
	leaks();
	map(0, false);
	map(12, false);
	map(16, false);
	map(22, false);
	map(12, true);
	rights();
	wish();
}
