// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relocation of modules
 *
 * They are compiled so that the symbols of the image and of other modules may lie anywhere in one reservation: at most
 * so far away as the CPU's relative addresses and branches reach.
 */
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/moduleloader.h>
#include <linux/string.h>
#include "module.h"

static int check_room(const struct rump_place *place, size_t bytes)
{
	if (place->room >= bytes)
		return 0;
	pr_err("%s: a relocation outside of its section\n", place->mod->name);
	return -ENOEXEC;
}

int rump_place_load(const struct rump_place *place, u64 *value, size_t bytes)
{
	u64 found = 0;
	int err = check_room(place, bytes);

	if (err)
		return err;
	memcpy(&found, place->at, bytes);
	*value = found;
	return 0;
}

int rump_place_store(const struct rump_place *place, u64 value, size_t bytes)
{
	int err = check_room(place, bytes);

	if (!err)
		memcpy(place->at, &value, bytes);
	return err;
}

int rump_place_far(const struct rump_place *place, unsigned int bits)
{
	pr_err("%s: a symbol out of the reach of %u bits\n", place->mod->name, bits);
	return -ENOEXEC;
}

static int relocate(const struct rump_place *place, unsigned int type, u64 value)
{
	int err = rump_relocate(place, type, value);

	if (err != -EOPNOTSUPP)
		return err;
	pr_err("%s: unknown relocation %u; was it built with the image's flags?\n", place->mod->name, type);
	return -ENOEXEC;
}

int apply_relocate_add(Elf64_Shdr *sections, const char *strings, unsigned int symbols, unsigned int index,
		       struct module *mod)
{
	const Elf64_Shdr *target = &sections[sections[index].sh_info];
	const Elf64_Sym *symbol = (void *)sections[symbols].sh_addr;
	const Elf64_Rela *rela = (void *)sections[index].sh_addr;
	const Elf64_Rela *end = rela + sections[index].sh_size / sizeof(*rela);
	u64 symbol_count = sections[symbols].sh_size / sizeof(*symbol);
	int err = 0;

	for (; rela < end && !err; rela++) {
		const struct rump_place place = {
			.mod = mod,
			.at = (void *)target->sh_addr + rela->r_offset,
			.past = rela->r_offset,
			.room = rela->r_offset < target->sh_size ? target->sh_size - rela->r_offset : 0,
		};
		u64 i = ELF64_R_SYM(rela->r_info);

		err = i < symbol_count ?
			      relocate(&place, ELF64_R_TYPE(rela->r_info), symbol[i].st_value + rela->r_addend) :
			      -ENOEXEC;
	}
	return err;
}
