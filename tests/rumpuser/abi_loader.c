// SPDX-License-Identifier: BSD-2-Clause
/* rumpuser_dl_bootstrap(): every loaded object's own link sets, each once, and one table of the kernel's symbols */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "rumpuser.h"
#include "../tap.h"

#define SEEN_MAX 16

static int modules[SEEN_MAX], components[SEEN_MAX], sets, module_count, component_count;
static const ElfW(Sym) * symbols;
static const char *names;
static size_t symbol_count, names_size;

static void modinit(const struct modinfo *const *infos, size_t count)
{
	size_t i;

	sets++;
	for (i = 0; i < count && module_count < SEEN_MAX; i++)
		modules[module_count++] = *(const int *)infos[i];
}

static void compload(const struct rump_component *component)
{
	if (component_count < SEEN_MAX)
		components[component_count++] = *(const int *)component;
}

static int symload(void *symtab, uint64_t symtab_size, char *strtab, uint64_t strtab_size)
{
	symbols = symtab;
	symbol_count = symtab_size / sizeof(*symbols);
	names = strtab;
	names_size = strtab_size;
	return 0;
}

static int count_of(const int *seen, int count, int value)
{
	int i, n = 0;

	for (i = 0; i < count; i++)
		n += seen[i] == value;
	return n;
}

/* How often a name is in the table; *@result is what the last function of that name returns */
static int find(const char *name, int *result)
{
	int (*function)(void);
	size_t i;
	int n = 0;

	for (i = 1; i < symbol_count; i++) {
		if (symbols[i].st_name >= names_size || strcmp(names + symbols[i].st_name, name) != 0)
			continue;
		function = (int (*)(void))symbols[i].st_value;
		*result += function();
		n++;
	}
	return n;
}

static const struct rumpuser_hyperup upcalls;

int main(int argc, char **argv)
{
	static const int expected[] = { 110, 210, 212 };
	void *first, *second;
	int i, result;

	if (rumpuser_init(RUMPUSER_VERSION, &upcalls))
		tap_abort("rumpuser_init");
	/* Neither is seen by name: each has symbols of the same names. */
	first = dlopen(PART_ONE, RTLD_NOW | RTLD_LOCAL);
	second = dlopen(PART_TWO, RTLD_NOW | RTLD_LOCAL);
	if (!first || !second)
		tap_abort("%s", dlerror());
	rumpuser_dl_bootstrap(modinit, symload, compload);

	tap_is(sets, 2, "two libraries have a set of modules");
	tap_is(module_count, 3, "with three in all");
	for (i = 0; i < 3; i++)
		tap_is(count_of(modules, module_count, expected[i]), 1, "module %d", expected[i]);
	tap_is(component_count, 2, "two components");
	tap_is(count_of(components, component_count, 120), 1, "one of the first library");
	tap_is(count_of(components, component_count, 220), 1, "one of the second");

	tap_ok(symbol_count > 4 && !symbols[0].st_name && !names[0], "the table begins with an empty entry");
	result = 0;
	tap_ok(find("part_function", &result) == 2 && result == 300,
	       "the kernel's symbols, without their prefix, at their addresses, of both kinds of hash table");
	result = 0;
	tap_ok(find("rump_part_public", &result) == 2 && result == 302, "public ones, as they are");
	tap_is(find("rumpns_part_function", &result), 0, "none with the prefix");
	tap_is(find("part_stranger", &result), 0, "nothing of others");
	tap_is(find("rumpuser_init", &result), 0, "nor ours");
	return tap_done();
}
