/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of the ELF format (64 bits, little-endian) that kernel images use, without any host header. */
#ifndef LIB_ELF64_H
#define LIB_ELF64_H

#include <stdint.h>

enum {
	ELF_CLASS_64 = 2,
	ELF_DATA_LITTLE = 1,
	ELF_TYPE_DYN = 3,
	ELF_VERSION = 1,
};

enum elf_segment_type {
	ELF_PT_LOAD = 1,
	ELF_PT_DYNAMIC = 2,
	ELF_PT_INTERP = 3,
	ELF_PT_TLS = 7,
};

enum elf_segment_flags {
	ELF_PF_X = 1,
	ELF_PF_W = 2,
	ELF_PF_R = 4,
};

enum elf_dynamic_tag {
	ELF_DT_NULL = 0,
	ELF_DT_NEEDED = 1,
	ELF_DT_PLTRELSZ = 2,
	ELF_DT_HASH = 4,
	ELF_DT_STRTAB = 5,
	ELF_DT_SYMTAB = 6,
	ELF_DT_RELA = 7,
	ELF_DT_RELASZ = 8,
	ELF_DT_RELAENT = 9,
	ELF_DT_STRSZ = 10,
	ELF_DT_SYMENT = 11,
	ELF_DT_INIT = 12,
	ELF_DT_REL = 17,
	ELF_DT_TEXTREL = 22,
	ELF_DT_INIT_ARRAYSZ = 27,
	ELF_DT_RELRSZ = 35,
	ELF_DT_RELR = 36,
	ELF_DT_RELRENT = 37,
	ELF_DT_GNU_HASH = 0x6ffffef5,
};

struct elf_header {
	uint8_t magic[4];
	uint8_t class;
	uint8_t data;
	uint8_t ident_version;
	uint8_t abi;
	uint8_t padding[8];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t phoff;
	uint64_t shoff;
	uint32_t flags;
	uint16_t ehsize;
	uint16_t phentsize;
	uint16_t phnum;
	uint16_t shentsize;
	uint16_t shnum;
	uint16_t shstrndx;
};

struct elf_segment {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;
	uint64_t memsz;
	uint64_t align;
};

struct elf_dynamic {
	int64_t tag;
	uint64_t value;
};

struct elf_symbol {
	uint32_t name;
	uint8_t info;
	uint8_t other;
	uint16_t shndx; /* 0: undefined */
	uint64_t value;
	uint64_t size;
};

struct elf_rela {
	uint64_t offset;
	uint64_t info; /* type in the lower half, symbol in the upper */
	int64_t addend;
};

_Static_assert(sizeof(struct elf_header) == 64, "file format");
_Static_assert(sizeof(struct elf_segment) == 56, "file format");
_Static_assert(sizeof(struct elf_symbol) == 24, "file format");
_Static_assert(sizeof(struct elf_rela) == 24, "file format");

#endif
