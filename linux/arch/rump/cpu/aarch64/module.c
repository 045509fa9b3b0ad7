// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relocations of aarch64 in modules
 *
 * Branches reach 128 MiB: the image and its modules take less. Addresses are words of 64 bits beside the code, see
 * Makefile.flags; the other ways to make one are for assembly.
 */
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/moduleloader.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include "../../kernel/module.h"

/* Fields of instructions: the lowest bit and how many. */
#define IMM12_AT 10
#define IMM19_AT 5
#define IMM14_AT 5
#define ADR_LOW_AT 29
#define ADR_LOW_BITS 2
#define ADR_HIGH_AT 5
#define ADR_HIGH_BITS 19
#define ADR_BITS (ADR_LOW_BITS + ADR_HIGH_BITS)
/* What makes "adrp" of "adr". */
#define ADR_PAGE BIT(31)

/* Erratum 843419 of Cortex-A53: "adrp" in one of the last two words of 4 KiB may give a load a wrong address. */
#define ERRATUM_BEGIN 0xff8

static bool fits(s64 value, unsigned int bits)
{
	return value >= -(s64)BIT_ULL(bits - 1) && value < (s64)BIT_ULL(bits - 1);
}

static u32 insert(u32 insn, u64 value, unsigned int at, unsigned int bits)
{
	u32 mask = GENMASK(at + bits - 1, at);

	return (insn & ~mask) | ((u32)(value << at) & mask);
}

static int store_field(const struct rump_place *place, u64 value, unsigned int at, unsigned int bits)
{
	u64 insn;
	int err = rump_place_load(place, &insn, 4);

	return err ?: rump_place_store(place, insert(insn, value, at, bits), 4);
}

static int store_near(const struct rump_place *place, s64 distance)
{
	return fits(distance, 32) ? rump_place_store(place, distance, 4) : rump_place_far(place, 32);
}

static int misaligned(const struct rump_place *place)
{
	pr_err("%s: a symbol that is not aligned as its instruction wants it\n", place->mod->name);
	return -ENOEXEC;
}

/* A distance in instructions. */
static int store_distance(const struct rump_place *place, s64 distance, unsigned int at, unsigned int bits)
{
	if (distance & 3)
		return misaligned(place);
	if (!fits(distance >> 2, bits))
		return rump_place_far(place, bits + 2);
	return store_field(place, distance >> 2, at, bits);
}

/* The place within 4 KiB, in units of what the instruction loads or stores. */
static int store_low(const struct rump_place *place, u64 value, unsigned int shift)
{
	if (value & (BIT(shift) - 1))
		return misaligned(place);
	return store_field(place, (value & (SZ_4K - 1)) >> shift, IMM12_AT, 12);
}

static int store_adr(const struct rump_place *place, u64 insn, s64 value)
{
	insn = insert(insn, value, ADR_LOW_AT, ADR_LOW_BITS);
	return rump_place_store(place, insert(insn, value >> ADR_LOW_BITS, ADR_HIGH_AT, ADR_HIGH_BITS), 4);
}

static int store_page(const struct rump_place *place, u64 value)
{
	u64 at = (u64)place->at, insn;
	s64 pages = (s64)(ALIGN_DOWN(value, SZ_4K) - ALIGN_DOWN(at, SZ_4K)) >> 12;
	s64 bytes = ALIGN_DOWN(value, SZ_4K) - at;
	int err = rump_place_load(place, &insn, 4);

	if (err)
		return err;
	if (at % SZ_4K >= ERRATUM_BEGIN) {
		if (!fits(bytes, ADR_BITS)) {
			pr_err("%s: an address that may be wrong on some processors (erratum 843419); was it built with the image's flags?\n",
			       place->mod->name);
			return -ENOEXEC;
		}
		return store_adr(place, insn & ~ADR_PAGE, bytes);
	}
	return fits(pages, ADR_BITS) ? store_adr(place, insn, pages) : rump_place_far(place, ADR_BITS + 12);
}

int rump_relocate(const struct rump_place *place, unsigned int type, u64 value)
{
	s64 distance = value - (u64)place->at;

	switch (type) {
	case R_AARCH64_NONE:
		return 0;
	case R_AARCH64_ABS64:
		return rump_place_store(place, value, 8);
	case R_AARCH64_PREL64:
		return rump_place_store(place, distance, 8);
	case R_AARCH64_PREL32:
		return store_near(place, distance);
	case R_AARCH64_JUMP26:
	case R_AARCH64_CALL26:
		return store_distance(place, distance, 0, 26);
	case R_AARCH64_LD_PREL_LO19:
	case R_AARCH64_CONDBR19:
		return store_distance(place, distance, IMM19_AT, 19);
	case R_AARCH64_TSTBR14:
		return store_distance(place, distance, IMM14_AT, 14);
	case R_AARCH64_ADR_PREL_PG_HI21:
		return store_page(place, value);
	case R_AARCH64_ADD_ABS_LO12_NC:
	case R_AARCH64_LDST8_ABS_LO12_NC:
		return store_low(place, value, 0);
	case R_AARCH64_LDST16_ABS_LO12_NC:
		return store_low(place, value, 1);
	case R_AARCH64_LDST32_ABS_LO12_NC:
		return store_low(place, value, 2);
	case R_AARCH64_LDST64_ABS_LO12_NC:
		return store_low(place, value, 3);
	case R_AARCH64_LDST128_ABS_LO12_NC:
		return store_low(place, value, 4);
	}
	return -EOPNOTSUPP;
}
