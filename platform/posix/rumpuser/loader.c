// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpuser_dl_bootstrap(): what the objects that this process has loaded bring along for the kernel.
 *
 * Each library of the kernel has two link sets, arrays of pointers between two symbols of its own: "modules" and
 * "rump_components". And it has the kernel's symbols, which modules that are loaded later are linked against. All is in
 * the tables that the host's dynamic linker uses, too. Asking that one by name would not do: it answers with the first
 * object that has a name, or one that the object depends on.
 */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "internal.h"

#define SET_MODULES "modules"
#define SET_COMPONENTS "rump_components"

/* NetBSD's names have this in front, so that they do not collide with the host's. Modules do not know of it. */
#define NAMESPACE "rumpns_"
#define PUBLIC "rump_"

/**
 * struct object - the tables of a loaded object
 * @base:    what addresses in it are relative to
 * @symbols: @count of them
 * @strings: their names
 */
struct object {
	uintptr_t base;
	const ElfW(Sym) * symbols;
	size_t count;
	const char *strings;
};

struct tables {
	ElfW(Sym) * symbols;
	size_t count;
	char *strings;
	size_t size;
};

/* The dynamic linker may or may not have made the pointers absolute. */
static const void *pointer(uintptr_t base, ElfW(Addr) value)
{
	return (const void *)(value < base ? base + value : value);
}

/* How many symbols there are is told by their hash table alone. */
static size_t count_gnu(const uint32_t *table)
{
	uint32_t buckets = table[0], first = table[1], words = table[2], last = 0, i;
	const uint32_t *bucket = table + 4 + words * (sizeof(ElfW(Addr)) / sizeof(*table));
	const uint32_t *chain = bucket + buckets;

	for (i = 0; i < buckets; i++) {
		if (bucket[i] > last)
			last = bucket[i];
	}
	if (last < first)
		return first;
	while (!(chain[last - first] & 1))
		last++;
	return last + 1;
}

static bool object_read(const struct dl_phdr_info *info, struct object *object)
{
	const ElfW(Dyn) *dynamic = NULL;
	const uint32_t *gnu = NULL, *sysv = NULL;
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	}
	*object = (struct object){ .base = info->dlpi_addr };
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
		const void *value = pointer(object->base, dynamic->d_un.d_ptr);

		if (dynamic->d_tag == DT_SYMTAB)
			object->symbols = value;
		else if (dynamic->d_tag == DT_STRTAB)
			object->strings = value;
		else if (dynamic->d_tag == DT_GNU_HASH)
			gnu = value;
		else if (dynamic->d_tag == DT_HASH)
			sysv = value;
	}
	if (!object->symbols || !object->strings)
		return false;
	if (sysv)
		object->count = sysv[1];
	else if (gnu)
		object->count = count_gnu(gnu);
	return object->count > 0;
}

static const char *name_of(const struct object *object, const ElfW(Sym) * symbol)
{
	return object->strings + symbol->st_name;
}

static bool is_defined(const ElfW(Sym) * symbol)
{
	return symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) != STT_TLS;
}

static uintptr_t address_of(const struct object *object, const ElfW(Sym) * symbol)
{
	return symbol->st_shndx == SHN_ABS ? symbol->st_value : object->base + symbol->st_value;
}

/* The address of @prefix@set in this very object, or NULL. */
static const void *find(const struct object *object, const char *prefix, const char *set)
{
	size_t skip = strlen(prefix), i;

	for (i = 0; i < object->count; i++) {
		const char *name = name_of(object, &object->symbols[i]);

		if (is_defined(&object->symbols[i]) && !strncmp(name, prefix, skip) && !strcmp(name + skip, set))
			return (const void *)address_of(object, &object->symbols[i]);
	}
	return NULL;
}

/* Return: the pointers of a link set, @count of them; NULL when the object has none */
static const void *const *link_set(const struct object *object, const char *set, size_t *count)
{
	const void *const *start = find(object, "__start_link_set_", set);
	const void *const *stop = find(object, "__stop_link_set_", set);

	if (!start || !stop || stop <= start)
		return NULL;
	*count = (size_t)(stop - start);
	return start;
}

struct bootstrap {
	rump_modinit_fn modinit;
	rump_compload_fn compload;
	struct tables tables;
	size_t objects;
};

static int hand_over_sets(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct bootstrap *boot = arg;
	const void *const *set;
	struct object object;
	size_t count, i;

	if (!object_read(info, &object))
		return 0;
	set = link_set(&object, SET_MODULES, &count);
	if (set)
		boot->modinit((const struct modinfo *const *)set, count);
	set = link_set(&object, SET_COMPONENTS, &count);
	for (i = 0; set && i < count; i++)
		boot->compload(set[i]);
	boot->objects += set != NULL;
	return 0;
}

/* What a module may refer to: the kernel's own symbols without their prefix, and its public ones as they are */
static const char *kernel_name(const struct object *object, const ElfW(Sym) * symbol)
{
	const char *name = name_of(object, symbol);

	if (!is_defined(symbol) || ELF64_ST_BIND(symbol->st_info) == STB_LOCAL)
		return NULL;
	if (!strncmp(name, NAMESPACE, strlen(NAMESPACE)))
		return name + strlen(NAMESPACE);
	return strncmp(name, PUBLIC, strlen(PUBLIC)) ? NULL : name;
}

/* Counts, and when there is room copies */
static int collect_symbols(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct tables *tables = arg;
	struct object object;
	size_t i, length;

	if (!object_read(info, &object))
		return 0;
	for (i = 0; i < object.count; i++) {
		const char *name = kernel_name(&object, &object.symbols[i]);

		if (!name)
			continue;
		length = strlen(name) + 1;
		if (tables->symbols) {
			ElfW(Sym) *symbol = &tables->symbols[tables->count];

			*symbol = object.symbols[i];
			symbol->st_name = (ElfW(Word))tables->size;
			symbol->st_value = address_of(&object, &object.symbols[i]);
			memcpy(tables->strings + tables->size, name, length);
		}
		tables->count++;
		tables->size += length;
	}
	return 0;
}

/* Both tables begin with an empty entry, as ELF has it. They belong to the kernel from then on. */
static void hand_over_symbols(rump_symload_fn symload)
{
	struct tables counted = { .count = 1, .size = 1 };
	struct tables tables = { .count = 1, .size = 1 };
	int error;

	dl_iterate_phdr(collect_symbols, &counted);
	if (counted.count == 1)
		return;
	tables.symbols = ru_alloc(counted.count * sizeof(*tables.symbols));
	tables.strings = ru_alloc(counted.size);
	if (!tables.symbols || !tables.strings)
		ru_fail("rumpuser_dl_bootstrap", "the host has no memory for a table of %zu symbols", counted.count);
	memset(tables.symbols, 0, sizeof(*tables.symbols));
	tables.strings[0] = 0;
	dl_iterate_phdr(collect_symbols, &tables);
	error = symload(tables.symbols, tables.count * sizeof(*tables.symbols), tables.strings, tables.size);
	if (error)
		ru_warn("rumpuser_dl_bootstrap: the kernel refuses the table of its own symbols: %s",
			ru_error_text(error));
}

void rumpuser_dl_bootstrap(rump_modinit_fn modinit, rump_symload_fn symload, rump_compload_fn compload)
{
	struct bootstrap boot = { .modinit = modinit, .compload = compload };

	dl_iterate_phdr(hand_over_sets, &boot);
	if (symload)
		hand_over_symbols(symload);
}
