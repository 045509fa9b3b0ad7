// SPDX-License-Identifier: BSD-2-Clause
/* Kernel image loader: checks an ELF file, maps its segments with their final rights, applies relative relocations. */
#include <string.h>

#include "elf64.h"
#include "loader.h"
#include "machine.h"

enum {
	MAX_HEADERS = 16, /* program headers */
	MAX_SEGMENTS = 8, /* of type PT_LOAD */
};

/* More than any image needs; keeps sums of addresses and sizes far from overflow. */
#define MAX_SIZE (UINT64_C(1) << 31)

struct segment {
	uint64_t vaddr; /* as linked, where the base is 0 */
	uint64_t memsz;
	uint64_t filesz;
	uint64_t offset;
	uint32_t prot; /* enum hyp_prot */
};

struct loader {
	const struct hyp_ops *ops;
	struct hyp *h;
	struct hyp_file *file;
	uint64_t page; /* size */
	uint64_t file_size;
	struct segment segments[MAX_SEGMENTS]; /* in ascending order, without common pages */
	unsigned int count;
	uint64_t size;	  /* of all segments, page-aligned */
	uint64_t dynamic; /* address and size of the dynamic section */
	uint64_t dynamic_size;
	unsigned char *base;
	const char **why;
};

/* Addresses of the tables that the dynamic section names; 0 means absent: the ELF header lies there. */
struct tables {
	uint64_t symbols;
	uint64_t strings, strings_size;
	uint64_t hash, gnu_hash;
	uint64_t rela, rela_size;
	uint64_t relr, relr_size;
};

static int reject(const struct loader *loader, const char *why)
{
	*loader->why = why;
	return -LOADER_ENOEXEC;
}

static int fail(const struct loader *loader, int error, const char *why)
{
	*loader->why = why;
	return error;
}

static uint64_t page_floor(const struct loader *loader, uint64_t address)
{
	return address & ~(loader->page - 1);
}

static uint64_t page_ceil(const struct loader *loader, uint64_t address)
{
	return page_floor(loader, address + loader->page - 1);
}

/*
 * The one way to an address of the image: NULL unless all of it lies in one segment that grants the rights and
 * @address is a multiple of @align, a power of two.
 */
static void *at(const struct loader *loader, uint64_t address, uint64_t size, uint64_t align, uint32_t prot)
{
	if (address & (align - 1))
		return NULL;
	for (unsigned int i = 0; i < loader->count; i++) {
		const struct segment *segment = &loader->segments[i];

		if (address < segment->vaddr || address - segment->vaddr > segment->memsz)
			continue;
		if (size > segment->memsz - (address - segment->vaddr) || (segment->prot & prot) != prot)
			continue;
		return loader->base + address;
	}
	return NULL;
}

static int read_exactly(const struct loader *loader, void *buf, size_t size, uint64_t offset)
{
	size_t done = 0;

	if (offset > loader->file_size || size > loader->file_size - offset)
		return reject(loader, "the file is truncated");
	while (done < size) {
		long n = loader->file->ops->read(loader->file, (char *)buf + done, size - done, offset + done);

		if (n < 0)
			return fail(loader, (int)n, "it cannot be read");
		if (n == 0)
			return reject(loader, "the file is truncated");
		done += n;
	}
	return 0;
}

static int read_header(struct loader *loader, struct elf_header *header)
{
	struct hyp_file_info info;
	int error = loader->file->ops->info(loader->file, &info);

	if (error)
		return fail(loader, error, "it cannot be read");
	if (info.type != HYP_FILE_REGULAR)
		return reject(loader, "not a regular file");
	loader->file_size = info.size;
	if (info.size == 0)
		return reject(loader, "the file is empty");
	error = read_exactly(loader, header, sizeof(*header), 0);
	if (error)
		return error;
	if (memcmp(header->magic, "\177ELF", sizeof(header->magic)) != 0)
		return reject(loader, "not an ELF file");
	if (header->class != ELF_CLASS_64 || header->data != ELF_DATA_LITTLE || header->ident_version != ELF_VERSION ||
	    header->version != ELF_VERSION)
		return reject(loader, "not a 64-bit little-endian ELF file");
	if (header->machine != MACHINE_ELF)
		return reject(loader, "built for another machine");
	if (header->type != ELF_TYPE_DYN)
		return reject(loader, "not a shared object (ET_DYN)");
	if (header->phentsize != sizeof(struct elf_segment) || header->phnum == 0 || header->phnum > MAX_HEADERS)
		return reject(loader, "program headers of unknown size or number");
	return 0;
}

static uint32_t segment_prot(uint32_t flags)
{
	return (flags & ELF_PF_R ? HYP_PROT_READ : 0) | (flags & ELF_PF_W ? HYP_PROT_WRITE : 0) |
	       (flags & ELF_PF_X ? HYP_PROT_EXEC : 0);
}

static uint64_t end_of_last(const struct loader *loader)
{
	const struct segment *last = &loader->segments[loader->count - 1];

	return loader->count ? last->vaddr + last->memsz : 0;
}

static int add_segment(struct loader *loader, const struct elf_segment *header)
{
	struct segment *segment = &loader->segments[loader->count];
	uint32_t prot = segment_prot(header->flags);

	if (header->memsz == 0)
		return 0;
	if (loader->count == MAX_SEGMENTS)
		return reject(loader, "too many segments");
	if (header->filesz > header->memsz)
		return reject(loader, "a segment is larger in the file than in memory");
	if (header->vaddr > MAX_SIZE || header->memsz > MAX_SIZE)
		return reject(loader, "a segment lies out of range");
	if (header->offset > loader->file_size || header->filesz > loader->file_size - header->offset)
		return reject(loader, "the file is truncated");
	if ((header->vaddr ^ header->offset) & (loader->page - 1))
		return reject(loader, "a segment is not aligned to pages of this host");
	if (!(prot & HYP_PROT_READ) && (prot || header->filesz))
		return reject(loader, "a segment cannot be read");
	if ((prot & HYP_PROT_WRITE) && (prot & HYP_PROT_EXEC))
		return reject(loader, "a segment can be written and executed");
	if (header->filesz < header->memsz && prot && !(prot & HYP_PROT_WRITE))
		return reject(loader, "zeroed memory in a read-only segment");
	if (header->vaddr < end_of_last(loader))
		return reject(loader, "segments overlap or are out of order");
	if (page_floor(loader, header->vaddr) < loader->size)
		return reject(loader, "segments share a page: it is for hosts with smaller pages than this one");

	*segment = (struct segment){
		.vaddr = header->vaddr,
		.memsz = header->memsz,
		.filesz = header->filesz,
		.offset = header->offset,
		.prot = prot,
	};
	loader->size = page_ceil(loader, header->vaddr + header->memsz);
	loader->count++;
	return 0;
}

static int read_segments(struct loader *loader)
{
	struct elf_segment headers[MAX_HEADERS];
	struct elf_header header;
	int error = read_header(loader, &header);

	if (error)
		return error;
	error = read_exactly(loader, headers, header.phnum * sizeof(headers[0]), header.phoff);
	for (unsigned int i = 0; !error && i < header.phnum; i++) {
		switch (headers[i].type) {
		case ELF_PT_LOAD:
			error = add_segment(loader, &headers[i]);
			break;
		case ELF_PT_DYNAMIC:
			loader->dynamic = headers[i].vaddr;
			loader->dynamic_size = headers[i].memsz;
			break;
		case ELF_PT_TLS:
			error = reject(loader, "uses thread-local storage");
			break;
		case ELF_PT_INTERP:
			error = reject(loader, "asks for an interpreter: a program, not an image");
			break;
		}
	}
	if (error)
		return error;
	if (!loader->count)
		return reject(loader, "has no segments");
	return 0;
}

/* The file's part first, then whole pages of zeroes; the page between them is cleared by hand. */
static int map_segment(const struct loader *loader, const struct segment *segment)
{
	uint64_t start = page_floor(loader, segment->vaddr);
	uint64_t file_end = segment->vaddr + segment->filesz;
	uint64_t zero = segment->filesz ? page_ceil(loader, file_end) : start;
	uint64_t end = page_ceil(loader, segment->vaddr + segment->memsz);
	int error = 0;

	if (!segment->prot)
		return 0; /* address space for the kernel to map things at */
	if (segment->filesz)
		error = loader->file->ops->map(loader->file, loader->base + start, zero - start,
					       page_floor(loader, segment->offset), segment->prot);
	if (!error && end > zero) {
		struct hyp_map map = {
			.addr = loader->base + zero,
			.size = end - zero,
			.offset = HYP_MEM_ANONYMOUS,
			.prot = segment->prot,
		};

		error = loader->ops->mem_map(loader->h, &map, 1);
	}
	if (error)
		return fail(loader, error, "a segment cannot be mapped; raise ulimit -v and -d");
	if (segment->filesz && segment->filesz < segment->memsz)
		memset(loader->base + file_end, 0, zero - file_end);
	return 0;
}

static int read_dynamic(const struct loader *loader, struct tables *tables)
{
	const struct elf_dynamic *entry = at(loader, loader->dynamic, loader->dynamic_size, 8, HYP_PROT_READ);
	uint64_t n = loader->dynamic_size / sizeof(*entry);

	if (!entry || !loader->dynamic)
		return reject(loader, "no dynamic section in any segment");
	memset(tables, 0, sizeof(*tables));
	for (; n && entry->tag != ELF_DT_NULL; n--, entry++) {
		switch (entry->tag) {
		case ELF_DT_SYMTAB:
			tables->symbols = entry->value;
			break;
		case ELF_DT_STRTAB:
			tables->strings = entry->value;
			break;
		case ELF_DT_STRSZ:
			tables->strings_size = entry->value;
			break;
		case ELF_DT_HASH:
			tables->hash = entry->value;
			break;
		case ELF_DT_GNU_HASH:
			tables->gnu_hash = entry->value;
			break;
		case ELF_DT_RELA:
			tables->rela = entry->value;
			break;
		case ELF_DT_RELASZ:
			tables->rela_size = entry->value;
			break;
		case ELF_DT_RELR:
			tables->relr = entry->value;
			break;
		case ELF_DT_RELRSZ:
			tables->relr_size = entry->value;
			break;
		case ELF_DT_RELAENT:
			if (entry->value != sizeof(struct elf_rela))
				return reject(loader, "relocations of unknown size");
			break;
		case ELF_DT_RELRENT:
			if (entry->value != sizeof(uint64_t))
				return reject(loader, "relocations of unknown size");
			break;
		case ELF_DT_SYMENT:
			if (entry->value != sizeof(struct elf_symbol))
				return reject(loader, "symbols of unknown size");
			break;
		case ELF_DT_NEEDED:
			return reject(loader, "needs another library");
		case ELF_DT_INIT:
			return reject(loader, "has constructors");
		case ELF_DT_INIT_ARRAYSZ:
			if (entry->value)
				return reject(loader, "has constructors");
			break;
		case ELF_DT_REL:
		case ELF_DT_TEXTREL:
			return reject(loader, "has relocations that are not supported");
		case ELF_DT_PLTRELSZ:
			if (entry->value)
				return reject(loader, "calls functions outside the image");
			break;
		}
	}
	return 0;
}

static int relocate_rela(const struct loader *loader, const struct tables *tables)
{
	const struct elf_rela *rela = at(loader, tables->rela, tables->rela_size, 8, HYP_PROT_READ);
	uint64_t n = tables->rela_size / sizeof(*rela);

	if (!tables->rela || !n)
		return 0;
	if (!rela)
		return reject(loader, "relocations outside the image");
	for (; n; n--, rela++) {
		uint64_t *word = at(loader, rela->offset, sizeof(*word), 1, HYP_PROT_READ | HYP_PROT_WRITE);
		uint64_t value = (uint64_t)(uintptr_t)loader->base + (uint64_t)rela->addend;

		if (rela->info == MACHINE_NONE) /* room that the linker found no use for */
			continue;
		if (rela->info != MACHINE_RELATIVE)
			return reject(loader, "has relocations that are not relative");
		if (!word)
			return reject(loader, "a relocation outside writable segments");
		memcpy(word, &value, sizeof(value)); /* may be unaligned */
	}
	return 0;
}

static bool relocate_word(const struct loader *loader, uint64_t address)
{
	uint64_t *word = at(loader, address, sizeof(*word), sizeof(*word), HYP_PROT_READ | HYP_PROT_WRITE);

	if (word)
		*word += (uint64_t)(uintptr_t)loader->base;
	return word;
}

/* An even entry is an address; an odd one is a bitmap of the 63 words that follow the last word covered. */
static int relocate_relr(const struct loader *loader, const struct tables *tables)
{
	const uint64_t *relr = at(loader, tables->relr, tables->relr_size, 8, HYP_PROT_READ);
	uint64_t n = tables->relr_size / sizeof(*relr);
	uint64_t next = 0;

	if (!tables->relr || !n)
		return 0;
	if (!relr)
		return reject(loader, "relocations outside the image");
	for (; n; n--, relr++) {
		uint64_t address = next;

		if (!(*relr & 1)) {
			if (!relocate_word(loader, *relr))
				return reject(loader, "a relocation outside writable segments");
			next = *relr + sizeof(uint64_t);
			continue;
		}
		for (uint64_t bits = *relr >> 1; bits; bits >>= 1, address += sizeof(uint64_t))
			if ((bits & 1) && !relocate_word(loader, address))
				return reject(loader, "a relocation outside writable segments");
		next += 63 * sizeof(uint64_t);
	}
	return 0;
}

/* The GNU hash table does not say how many symbols there are: it is the end of the chain that begins last. */
static int count_gnu_symbols(const struct loader *loader, uint64_t address, uint64_t *count)
{
	const uint32_t *header = at(loader, address, 4 * sizeof(*header), 4, HYP_PROT_READ);
	uint64_t buckets_at, chains_at, last = 0;
	const uint32_t *buckets;

	if (!header)
		return reject(loader, "the symbol hash table lies outside the image");
	buckets_at = address + 4 * sizeof(*header) + header[2] * (uint64_t)sizeof(uint64_t);
	buckets = at(loader, buckets_at, header[0] * (uint64_t)sizeof(*buckets), 4, HYP_PROT_READ);
	if (!buckets)
		return reject(loader, "the symbol hash table lies outside the image");
	for (uint32_t i = 0; i < header[0]; i++)
		last = buckets[i] > last ? buckets[i] : last;
	*count = header[1];
	if (last < header[1])
		return 0; /* nothing is hashed */
	chains_at = buckets_at + header[0] * (uint64_t)sizeof(*buckets);
	for (;; last++) {
		const uint32_t *chain =
			at(loader, chains_at + (last - header[1]) * sizeof(*chain), sizeof(*chain), 4, HYP_PROT_READ);

		if (!chain)
			return reject(loader, "the symbol hash table lies outside the image");
		if (*chain & 1)
			break;
	}
	*count = last + 1;
	return 0;
}

static int count_symbols(const struct loader *loader, const struct tables *tables, uint64_t *count)
{
	const uint32_t *hash;

	if (!tables->hash && !tables->gnu_hash)
		return reject(loader, "has no symbol hash table");
	if (!tables->hash)
		return count_gnu_symbols(loader, tables->gnu_hash, count);
	hash = at(loader, tables->hash, 2 * sizeof(*hash), 4, HYP_PROT_READ);
	if (!hash)
		return reject(loader, "the symbol hash table lies outside the image");
	*count = hash[1];
	return 0;
}

/* The library calls and prints what the table points to: each function must be code and each name end in the image. */
static int check_entry(const struct loader *loader, const struct rumpus_image_ops *ops)
{
	const uintptr_t functions[] = {
		(uintptr_t)ops->boot,		(uintptr_t)ops->halt,
		(uintptr_t)ops->process_create, (uintptr_t)ops->process_destroy,
		(uintptr_t)ops->thread_attach,	(uintptr_t)ops->thread_detach,
		(uintptr_t)ops->syscall,	(uintptr_t)ops->thread_interrupt,
		(uintptr_t)ops->disk_add,	(uintptr_t)ops->disk_remove,
		(uintptr_t)ops->components,	(uintptr_t)ops->net_add,
		(uintptr_t)ops->net_remove,
	};
	uint64_t name = (uintptr_t)ops->kernel - (uintptr_t)loader->base;
	const char *byte;

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!at(loader, functions[i] - (uintptr_t)loader->base, 1, 1, HYP_PROT_EXEC))
			return reject(loader, "an entry that is no function");
	do {
		byte = at(loader, name++, 1, 1, HYP_PROT_READ);
		if (!byte)
			return reject(loader, "its kernel has no name");
	} while (*byte);
	return 0;
}

static int find_entry(const struct loader *loader, const struct tables *tables, struct loader_image *image)
{
	const char *strings = at(loader, tables->strings, tables->strings_size, 1, HYP_PROT_READ);
	const struct elf_symbol *symbols;
	uint64_t count;
	int error = count_symbols(loader, tables, &count);

	if (error)
		return error;
	symbols = at(loader, tables->symbols, count * sizeof(*symbols), 8, HYP_PROT_READ);
	if (count > MAX_SIZE || !symbols || !strings || !tables->strings_size)
		return reject(loader, "the symbol table lies outside the image");
	if (strings[tables->strings_size - 1] != '\0')
		return reject(loader, "the symbol names are not terminated");
	for (uint64_t i = 1; i < count; i++) {
		if (symbols[i].name >= tables->strings_size)
			return reject(loader, "a symbol without a name");
		if (!symbols[i].shndx)
			return reject(loader, "has undefined symbols");
		if (strcmp(strings + symbols[i].name, RUMPUS_IMAGE_SYMBOL) == 0)
			image->ops = at(loader, symbols[i].value, sizeof(*image->ops), 8, HYP_PROT_READ);
	}
	if (!image->ops)
		return reject(loader, "does not define " RUMPUS_IMAGE_SYMBOL);
	if (image->ops->version != RUMPUS_IMAGE_VERSION || image->ops->size != sizeof(*image->ops))
		return reject(loader, "built for another version of this library; take both from one release");
	if (image->ops->hyp_version != loader->ops->version || image->ops->hyp_size != loader->ops->size)
		return reject(loader, "built for other hypercalls than this library has; take both from one release");
	return check_entry(loader, image->ops);
}

static int fill(const struct loader *loader, struct loader_image *image)
{
	struct tables tables;
	int error = 0;

	for (unsigned int i = 0; !error && i < loader->count; i++)
		error = map_segment(loader, &loader->segments[i]);
	if (!error)
		error = read_dynamic(loader, &tables);
	if (!error)
		error = relocate_rela(loader, &tables);
	if (!error)
		error = relocate_relr(loader, &tables);
	if (!error)
		error = find_entry(loader, &tables, image);
	return error;
}

int loader_load(const struct hyp_ops *ops, struct hyp *h, size_t page_size, struct hyp_file *file,
		struct loader_image *image, const char **why)
{
	struct loader loader = { .ops = ops, .h = h, .file = file, .page = page_size, .why = why };
	struct loader_image loaded = { 0 };
	int error = read_segments(&loader);

	if (error)
		return error;
	loaded.size = loader.size;
	error = ops->mem_reserve(h, loaded.size, RUMPUS_IMAGE_ALIGN, NULL, &loaded.base);
	if (error)
		return fail(&loader, error, "no address space for it; raise ulimit -v");
	loader.base = loaded.base;
	error = fill(&loader, &loaded);
	if (error) {
		loader_unload(ops, h, &loaded);
		return error;
	}
	*image = loaded;
	return 0;
}

void loader_unload(const struct hyp_ops *ops, struct hyp *h, struct loader_image *image)
{
	ops->mem_unreserve(h, image->base, image->size);
	*image = (struct loader_image){ 0 };
}
