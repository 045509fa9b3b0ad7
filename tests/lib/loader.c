// SPDX-License-Identifier: BSD-2-Clause
/* The image loader: rights of segments, private copies, and damaged files of every kind. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rumpus/hyp_file.h>

#include "fixture.h"
#include "loader.h"
#include "machine.h"

static const struct hyp_ops *ops;
static struct hyp *instance;
static struct hyp_info info;
static unsigned char *good; /* the image as it is, page-aligned */
static size_t good_size;
static unsigned char *copy; /* one that a test may damage; twice the size */

static int load_bytes(size_t size, struct loader_image *image, const char **why)
{
	struct hyp_file *file;
	int error;

	*why = "";
	if (hyp_file_open_mem(copy, size, &file) != 0)
		tap_abort("hyp_file_open_mem");
	error = loader_load(ops, instance, info.page_size, file, image, why);
	file->ops->close(file);
	return error;
}

static void read_image(void)
{
	FILE *file = fopen(FAKE_IMAGE, "re");

	if (!file)
		tap_abort("%s: cannot be opened", FAKE_IMAGE);
	fseek(file, 0, SEEK_END);
	good_size = ftell(file);
	rewind(file);
	good = aligned_alloc(65536, (good_size + 65535) / 65536 * 65536);
	copy = aligned_alloc(65536, (2 * good_size + 65535) / 65536 * 65536);
	if (!good || !copy || fread(good, 1, good_size, file) != good_size)
		tap_abort("%s: cannot be read", FAKE_IMAGE);
	fclose(file);
}

static void restore(void)
{
	memcpy(copy, good, good_size);
}

static Elf64_Ehdr *header(void)
{
	return (Elf64_Ehdr *)copy;
}

static Elf64_Phdr *segments(void)
{
	return (Elf64_Phdr *)(copy + header()->e_phoff);
}

/* The n-th program header of a type, from 0. */
static Elf64_Phdr *segment(unsigned int type, unsigned int n)
{
	for (int i = 0; i < header()->e_phnum; i++)
		if (segments()[i].p_type == type && n-- == 0)
			return &segments()[i];
	tap_abort("the image has no such segment");
}

static Elf64_Phdr *data_segment(void)
{
	for (int i = 0; i < header()->e_phnum; i++)
		if (segments()[i].p_type == PT_LOAD && (segments()[i].p_flags & PF_W))
			return &segments()[i];
	tap_abort("the image has no data");
}

static void *at(Elf64_Addr address)
{
	for (int i = 0; i < header()->e_phnum; i++)
		if (segments()[i].p_type == PT_LOAD && address - segments()[i].p_vaddr < segments()[i].p_filesz)
			return copy + segments()[i].p_offset + (address - segments()[i].p_vaddr);
	tap_abort("the image has nothing at 0x%lx", (unsigned long)address);
}

static Elf64_Dyn *dynamic(Elf64_Sxword tag)
{
	Elf64_Dyn *entry = at(segment(PT_DYNAMIC, 0)->p_vaddr);

	while (entry->d_tag != tag && entry->d_tag != DT_NULL)
		entry++;
	return entry; /* the end may be overwritten: zeroes follow */
}

static void set_dynamic(Elf64_Sxword tag, Elf64_Xword value)
{
	*dynamic(tag) = (Elf64_Dyn){ .d_tag = tag, .d_un.d_val = value };
}

/* One relocation of RELA form, placed in the data segment, where the first word may be overwritten. */
static void one_rela(Elf64_Addr offset, Elf64_Xword type)
{
	Elf64_Addr place = data_segment()->p_vaddr + data_segment()->p_filesz - sizeof(Elf64_Rela);

	place &= ~(Elf64_Addr)7;
	*(Elf64_Rela *)at(place) = (Elf64_Rela){ .r_offset = offset, .r_info = type };
	set_dynamic(DT_RELA, place);
	set_dynamic(DT_RELASZ, sizeof(Elf64_Rela));
}

static void no_magic(void)
{
	copy[0] = 'X';
}

static void class_32(void)
{
	header()->e_ident[EI_CLASS] = ELFCLASS32;
}

static void other_machine(void)
{
	header()->e_machine = EM_PPC64;
}

static void executable(void)
{
	header()->e_type = ET_EXEC;
}

static void no_headers(void)
{
	header()->e_phnum = 0;
}

static void many_headers(void)
{
	header()->e_phnum = 1000;
}

static void headers_beyond(void)
{
	header()->e_phoff = UINT64_MAX - 10;
}

static void thread_local_storage(void)
{
	segment(PT_GNU_RELRO, 0)->p_type = PT_TLS;
}

static void interpreter(void)
{
	segment(PT_GNU_RELRO, 0)->p_type = PT_INTERP;
}

static void no_dynamic(void)
{
	segment(PT_DYNAMIC, 0)->p_type = PT_NULL;
}

static void dynamic_beyond(void)
{
	segment(PT_DYNAMIC, 0)->p_vaddr = 1UL << 40;
}

static void dynamic_long(void)
{
	segment(PT_DYNAMIC, 0)->p_memsz = 1UL << 40;
}

static void writable_code(void)
{
	segment(PT_LOAD, 1)->p_flags |= PF_W;
}

static void unreadable(void)
{
	segment(PT_LOAD, 1)->p_flags = PF_X;
}

static void contents_without_rights(void)
{
	segment(PT_LOAD, 1)->p_flags = 0;
}

static void overlapping(void)
{
	segment(PT_LOAD, 1)->p_vaddr = segment(PT_LOAD, 0)->p_vaddr;
}

/* As the segments of an image for pages of 4 KiB look to a host with larger ones. */
static void sharing(void)
{
	Elf64_Phdr *second = segment(PT_LOAD, 1);

	second->p_vaddr = segment(PT_LOAD, 0)->p_vaddr + segment(PT_LOAD, 0)->p_memsz;
	second->p_offset = second->p_vaddr;
}

static void unaligned(void)
{
	data_segment()->p_vaddr += 8;
}

static void far(void)
{
	data_segment()->p_vaddr += 1UL << 50;
}

static void wrapping(void)
{
	data_segment()->p_memsz = UINT64_MAX;
}

static void more_in_file(void)
{
	segment(PT_LOAD, 0)->p_filesz++;
}

static void file_beyond(void)
{
	data_segment()->p_filesz = data_segment()->p_memsz = 1UL << 30;
}

static void bss_in_code(void)
{
	segment(PT_LOAD, 1)->p_memsz += 64;
}

static void needs_library(void)
{
	set_dynamic(DT_NEEDED, 1);
}

static void constructors(void)
{
	set_dynamic(DT_INIT_ARRAYSZ, 8);
}

static void constructor(void)
{
	set_dynamic(DT_INIT, 0x1000);
}

static void text_relocations(void)
{
	set_dynamic(DT_TEXTREL, 0);
}

static void plt(void)
{
	set_dynamic(DT_PLTRELSZ, 24);
}

static void rela_foreign(void)
{
	one_rela(data_segment()->p_vaddr, ELF64_R_INFO(1, 1));
}

static void rela_outside(void)
{
	one_rela(data_segment()->p_vaddr + data_segment()->p_memsz - 7, ELF64_R_INFO(0, MACHINE_RELATIVE));
}

static void rela_in_code(void)
{
	one_rela(segment(PT_LOAD, 1)->p_vaddr, ELF64_R_INFO(0, MACHINE_RELATIVE));
}

static void rela_long(void)
{
	one_rela(data_segment()->p_vaddr, ELF64_R_INFO(0, MACHINE_RELATIVE));
	set_dynamic(DT_RELASZ, 24UL << 32);
}

static void rela_size(void)
{
	set_dynamic(DT_RELAENT, 16);
}

/* A table of packed relocations, in place of the linker's, which not every linker makes. */
static void set_relr(Elf64_Xword first, Elf64_Xword second)
{
	Elf64_Addr place = (data_segment()->p_vaddr + data_segment()->p_filesz - 2 * sizeof(first)) & ~(Elf64_Addr)7;
	Elf64_Xword *relr = at(place);

	relr[0] = first;
	relr[1] = second;
	set_dynamic(DT_RELR, place);
	set_dynamic(DT_RELRSZ, 2 * sizeof(first));
}

static void relr_outside(void)
{
	set_relr(1UL << 40, 1);
}

static void relr_odd(void)
{
	set_relr(data_segment()->p_vaddr + 4, 1);
}

static void relr_bitmap_first(void)
{
	set_relr(3, 1); /* words from address 0 on: not writable */
}

static void relr_bitmap_beyond(void)
{
	set_relr((data_segment()->p_vaddr + data_segment()->p_memsz - 16) & ~(Elf64_Addr)7, UINT64_MAX);
}

static void relr_long(void)
{
	set_relr(data_segment()->p_vaddr, 1);
	set_dynamic(DT_RELRSZ, 1UL << 40);
}

static void relr_elsewhere(void)
{
	set_relr(data_segment()->p_vaddr, 1);
	set_dynamic(DT_RELR, 1UL << 40);
}

/* The symbol that the image exports, among those of sections, which some linkers add. */
static Elf64_Sym *symbol(void)
{
	const char *strings = at(dynamic(DT_STRTAB)->d_un.d_ptr);
	Elf64_Sym *symbols = at(dynamic(DT_SYMTAB)->d_un.d_ptr);

	for (unsigned int i = 1; i < 64; i++)
		if (strcmp(strings + symbols[i].st_name, RUMPUS_IMAGE_SYMBOL) == 0)
			return &symbols[i];
	tap_abort("the image exports nothing");
}

/* A pointer of the image's table: its value is in the file or, where a linker makes such, in a relocation. */
static void set_pointer(size_t offset, uint64_t value)
{
	Elf64_Addr address = symbol()->st_value + offset;
	Elf64_Xword n =
		dynamic(DT_RELASZ)->d_tag == DT_RELASZ ? dynamic(DT_RELASZ)->d_un.d_val / sizeof(Elf64_Rela) : 0;

	*(uint64_t *)at(address) = value;
	for (Elf64_Xword i = 0; i < n; i++) {
		Elf64_Rela *rela = (Elf64_Rela *)at(dynamic(DT_RELA)->d_un.d_ptr) + i;

		if (rela->r_offset == address)
			rela->r_addend = (Elf64_Sxword)value;
	}
}

static void undefined(void)
{
	symbol()->st_shndx = SHN_UNDEF;
}

static void nameless(void)
{
	symbol()->st_name = 1U << 30;
}

static void other_name(void)
{
	*(char *)at(dynamic(DT_STRTAB)->d_un.d_ptr + symbol()->st_name) = 'x';
}

static void entry_outside(void)
{
	symbol()->st_value = data_segment()->p_vaddr + data_segment()->p_memsz - 8;
}

static void symbols_outside(void)
{
	set_dynamic(DT_SYMTAB, 1UL << 50);
}

static void no_hash(void)
{
	dynamic(DT_GNU_HASH)->d_tag = 0x12345678;
}

static uint32_t *hash(void)
{
	return at(dynamic(DT_GNU_HASH)->d_un.d_ptr);
}

static void hash_buckets(void)
{
	hash()[0] = UINT32_MAX;
}

static void hash_bloom(void)
{
	hash()[2] = UINT32_MAX;
}

static void hash_chain(void)
{
	hash()[4 + 2 * hash()[2]] = UINT32_MAX; /* first bucket */
}

static void strings_open(void)
{
	set_dynamic(DT_STRSZ, dynamic(DT_STRSZ)->d_un.d_val - 1);
}

static void strings_none(void)
{
	set_dynamic(DT_STRSZ, 0);
}

static void version(void)
{
	((uint32_t *)at(symbol()->st_value))[0]++;
}

static void smaller(void)
{
	((uint32_t *)at(symbol()->st_value))[1]--;
}

static void larger(void)
{
	((uint32_t *)at(symbol()->st_value))[1] += 8;
}

static void hypercalls(void)
{
	((uint32_t *)at(symbol()->st_value))[2]--;
}

static void fewer_hypercalls(void)
{
	((uint32_t *)at(symbol()->st_value))[3] -= sizeof(void *);
}

static void more_hypercalls(void)
{
	((uint32_t *)at(symbol()->st_value))[3] += sizeof(void *);
}

static void bad_entry(void)
{
	set_pointer(offsetof(struct rumpus_image_ops, halt), 0x40);
}

static void bad_name(void)
{
	set_pointer(offsetof(struct rumpus_image_ops, kernel), 1UL << 60);
}

static const struct {
	void (*damage)(void);
	const char *name;
	const char *why; /* part of the message */
} damages[] = {
	{ no_magic, "no ELF file", "not an ELF file" },
	{ class_32, "32 bits", "not a 64-bit" },
	{ other_machine, "another machine", "another machine" },
	{ executable, "an executable", "not a shared object" },
	{ no_headers, "no program headers", "program headers" },
	{ many_headers, "too many program headers", "program headers" },
	{ headers_beyond, "program headers beyond the end", "truncated" },
	{ thread_local_storage, "thread-local storage", "thread-local" },
	{ interpreter, "an interpreter", "interpreter" },
	{ no_dynamic, "no dynamic section", "dynamic section" },
	{ dynamic_beyond, "a dynamic section elsewhere", "dynamic section" },
	{ dynamic_long, "a dynamic section too long", "dynamic section" },
	{ writable_code, "writable code", "written and executed" },
	{ unreadable, "a segment that cannot be read", "cannot be read" },
	{ contents_without_rights, "contents that nobody may see", "cannot be read" },
	{ overlapping, "overlapping segments", "overlap" },
	{ sharing, "segments that share a page", "smaller pages" },
	{ unaligned, "a segment off its page", "not aligned" },
	{ far, "a segment far away", "out of range" },
	{ wrapping, "a segment around the address space", "out of range" },
	{ more_in_file, "a segment larger in the file", "larger in the file" },
	{ file_beyond, "a segment beyond the end of the file", "truncated" },
	{ bss_in_code, "zeroed memory in code", "read-only segment" },
	{ needs_library, "a library needed", "another library" },
	{ constructors, "an array of constructors", "constructors" },
	{ constructor, "a constructor", "constructors" },
	{ text_relocations, "text relocations", "not supported" },
	{ plt, "functions outside", "outside the image" },
	{ rela_foreign, "another relocation", "not relative" },
	{ rela_outside, "a relocation across the end", "outside writable" },
	{ rela_in_code, "a relocation in code", "outside writable" },
	{ rela_long, "too many relocations", "outside the image" },
	{ rela_size, "relocations of another size", "unknown size" },
	{ relr_outside, "a packed relocation elsewhere", "outside writable" },
	{ relr_odd, "a packed relocation unaligned", "outside writable" },
	{ relr_bitmap_first, "a bitmap of relocations without address", "outside writable" },
	{ relr_bitmap_beyond, "a bitmap of relocations beyond the end", "outside writable" },
	{ relr_long, "too many packed relocations", "outside the image" },
	{ relr_elsewhere, "packed relocations elsewhere", "outside the image" },
	{ undefined, "an undefined symbol", "undefined" },
	{ nameless, "a symbol without name", "without a name" },
	{ other_name, "another symbol", "does not define rumpus_image" },
	{ entry_outside, "a table that crosses the end", "does not define rumpus_image" },
	{ symbols_outside, "symbols elsewhere", "symbol table" },
	{ no_hash, "no hash table", "hash table" },
	{ hash_buckets, "too many hash buckets", "hash table" },
	{ hash_bloom, "too large a filter", "hash table" },
	{ hash_chain, "a hash chain without end", "hash table" },
	{ strings_open, "names without end", "not terminated" },
	{ strings_none, "no names", "symbol table" },
	{ version, "another version of the contract", "another version" },
	{ smaller, "a smaller table", "another version" },
	{ larger, "a larger table", "another version" },
	{ hypercalls, "another version of hypercalls", "other hypercalls" },
	{ fewer_hypercalls, "fewer hypercalls", "other hypercalls" },
	{ more_hypercalls, "more hypercalls", "other hypercalls" },
	{ bad_entry, "an entry that is no code", "no function" },
	{ bad_name, "a name elsewhere", "has no name" },
};

static void damaged(void)
{
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct loader_image image;
		const char *why;
		int error;

		restore();
		damages[i].damage();
		error = load_bytes(good_size, &image, &why);
		if (error == 0)
			loader_unload(ops, instance, &image);
		if (!tap_ok(error == -LOADER_ENOEXEC && strstr(why, damages[i].why), "%s: %s", damages[i].name, why))
			tap_note("error %d, expected \"%s\"", -error, damages[i].why);
	}
}

static void truncated(void)
{
	size_t needed = 0;
	bool ok = true;

	restore();
	for (int i = 0; i < header()->e_phnum; i++)
		if (segments()[i].p_type == PT_LOAD && segments()[i].p_offset + segments()[i].p_filesz > needed)
			needed = segments()[i].p_offset + segments()[i].p_filesz;
	for (size_t size = 1; size < needed; size += size < 700 ? 1 : 101) {
		struct loader_image image;
		const char *why;
		int error = load_bytes(size, &image, &why);

		ok &= error == -LOADER_ENOEXEC && strstr(why, "truncated");
		if (error == 0)
			loader_unload(ops, instance, &image);
	}
	tap_ok(ok, "a file that ends early, at any place");
}

/* Every byte of the headers and tables, in turn, with several values: never a crash, never a leak. */
static void fuzz(void)
{
	const unsigned char values[] = { 0, 1, 0x40, 0x7f, 0x80, 0xff };
	struct usage before = fixture_usage(), after;
	unsigned int loaded = 0, rejected = 0;

	restore();
	for (size_t i = 0; i < good_size; i++) {
		Elf64_Phdr *data = data_segment();

		if (i >= segment(PT_LOAD, 0)->p_filesz && !(i >= data->p_offset && i < data->p_offset + data->p_filesz))
			continue;
		for (size_t j = 0; j < sizeof(values); j++) {
			struct loader_image image;
			const char *why;
			unsigned char old = copy[i];

			copy[i] = values[j];
			if (load_bytes(good_size, &image, &why) == 0) {
				loader_unload(ops, instance, &image);
				loaded++;
			} else {
				rejected++;
			}
			copy[i] = old;
		}
	}
	after = fixture_usage();
	tap_note("%u damaged images loaded, %u rejected", loaded, rejected);
	tap_ok(loaded && rejected, "damage at every byte of the tables");
	tap_ok(after.maps <= before.maps + 2, "no mapping stays behind");
}

/* Rights of the mapping that holds an address, as /proc/self/maps shows them. */
static void rights(const void *address, char text[5])
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512];

	strcpy(text, "none");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &start, &end, text) == 3 && (unsigned long)address >= start &&
		    (unsigned long)address < end)
			break;
	if (maps)
		fclose(maps);
}

static void placed(const char *how, struct hyp_file *file)
{
	struct loader_image first, second;
	const char *why = "";
	char text[5];
	bool ok;

	if (!tap_is(loader_load(ops, instance, info.page_size, file, &first, &why), 0, "%s: loads %s", how, why))
		return;
	if (!tap_is(loader_load(ops, instance, info.page_size, file, &second, &why), 0, "%s: loads again", how))
		return;
	tap_ok(first.base != second.base && (uintptr_t)first.base % RUMPUS_IMAGE_ALIGN == 0 &&
		       (uintptr_t)second.base % RUMPUS_IMAGE_ALIGN == 0,
	       "%s: two places, aligned", how);
	ok = true;
	restore();
	for (unsigned int i = 0; i < 4; i++) {
		const Elf64_Phdr *load = segment(PT_LOAD, i);
		char expected[5] = "r--p";

		expected[1] = load->p_flags & PF_W ? 'w' : '-';
		expected[2] = load->p_flags & PF_X ? 'x' : '-';
		rights((char *)first.base + load->p_vaddr, text);
		if (strcmp(text, expected) != 0) {
			tap_note("segment %u: %s, expected %s", i, text, expected);
			ok = false;
		}
	}
	tap_ok(ok, "%s: rights of the segments", how);
	tap_is(memcmp(first.ops->kernel, "Fake 1.0", 9), 0, "%s: pointers are relocated", how);
	*(uint32_t *)((char *)first.base + data_segment()->p_vaddr) ^= 0xffffffff;
	tap_ok(*(uint32_t *)((char *)first.base + data_segment()->p_vaddr) !=
		       *(uint32_t *)((char *)second.base + data_segment()->p_vaddr),
	       "%s: copies are private", how);
	ok = true;
	for (size_t i = data_segment()->p_filesz; i < data_segment()->p_memsz; i++)
		ok &= ((char *)second.base)[data_segment()->p_vaddr + i] == 0;
	tap_ok(ok, "%s: what the file does not have is zero", how);
	loader_unload(ops, instance, &first);
	loader_unload(ops, instance, &second);
}

/* A segment without rights and contents: address space behind the others, for the kernel to use. */
static void reserved(void)
{
	const Elf64_Addr end = (data_segment()->p_vaddr + data_segment()->p_memsz + 0xffff) & ~0xffffUL;
	const size_t size = 3 << 20;
	struct hyp_map map = { .size = info.page_size, .offset = HYP_MEM_ANONYMOUS, .prot = HYP_PROT_READ };
	struct loader_image image;
	struct hyp_file *file;
	const char *why = "";
	char text[5];

	restore();
	*segment(PT_GNU_STACK, 0) = (Elf64_Phdr){ .p_type = PT_LOAD, .p_vaddr = end, .p_memsz = size, .p_align = 65536 };
	if (hyp_file_open_mem(copy, good_size, &file) != 0)
		tap_abort("hyp_file_open_mem");
	if (tap_is(loader_load(ops, instance, info.page_size, file, &image, &why), 0, "reserved: loads %s", why)) {
		tap_is(image.size, end + size, "reserved: the space belongs to the image");
		rights((char *)image.base + end, text);
		tap_ok(!strcmp(text, "---p"), "reserved: nothing is there: %s", text);
		map.addr = (char *)image.base + end + size - info.page_size;
		tap_is(ops->mem_map(instance, &map, 1), 0, "reserved: the kernel may map something");
		loader_unload(ops, instance, &image);
	}
	file->ops->close(file);
}

static void good_images(void)
{
	struct hyp_file *file;

	if (hyp_file_open(FAKE_IMAGE, &file) != 0)
		tap_abort("%s: cannot be opened", FAKE_IMAGE);
	placed("file", file);
	file->ops->close(file);
	if (hyp_file_open_mem(good, good_size, &file) != 0)
		tap_abort("hyp_file_open_mem");
	placed("memory", file);
	file->ops->close(file);
	reserved();
}

int main(void)
{
	const struct hyp_config config = { .cpus = 1, .mem_bound = 16 << 20 };

	ops = hyp_platform();
	if (ops->init(HYP_VERSION, &config, &(const struct hyp_upcalls){ 0 }, NULL, &instance, &info) != 0)
		tap_abort("the platform does not start");
	read_image();
	good_images();
	damaged();
	truncated();
	fuzz();
	ops->fini(instance);
	free(good);
	free(copy);
	return tap_done();
}
