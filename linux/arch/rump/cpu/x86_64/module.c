// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relocations of x86-64 in modules
 *
 * They are compiled as the image is: position-independent, every symbol hidden. All is reached by relative addresses of
 * 32 bits.
 */
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/moduleloader.h>
#include <linux/printk.h>
#include <linux/string.h>
#include "../../kernel/module.h"

static int store_near(const struct rump_place *place, s64 distance)
{
	if (distance != (s32)distance)
		return rump_place_far(place, 32);
	return rump_place_store(place, distance, 4);
}

/*
 * The compiler calls the function tracer through a table of addresses, which modules have none of: make it a direct call
 * of the same length, as the linker does in the image.
 */
static int store_call(const struct rump_place *place, s64 distance)
{
	static const u8 through_table[] = { 0xff, 0x15 }, direct[] = { 0x67, 0xe8 };
	void *code = place->at - sizeof(direct);

	if (place->past < sizeof(direct) || place->room < 4 || memcmp(code, through_table, sizeof(direct))) {
		pr_err("%s: a table of addresses is wanted; was it built with the image's flags?\n", place->mod->name);
		return -ENOEXEC;
	}
	memcpy(code, direct, sizeof(direct));
	return store_near(place, distance);
}

int rump_relocate(const struct rump_place *place, unsigned int type, u64 value)
{
	switch (type) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_64:
		return rump_place_store(place, value, 8);
	case R_X86_64_PC64:
		return rump_place_store(place, value - (u64)place->at, 8);
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		return store_near(place, value - (u64)place->at);
	case R_X86_64_GOTPCRELX:
		return store_call(place, value - (u64)place->at);
	}
	return -EOPNOTSUPP;
}
