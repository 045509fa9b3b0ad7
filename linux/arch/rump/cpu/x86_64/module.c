// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relocation of modules
 *
 * They are compiled as the image is: position-independent, every symbol hidden. Those of the image and of other modules
 * are reached by relative addresses of 32 bits, as all lie in one reservation.
 */
#include <linux/elf.h>
#include <linux/kernel.h>
#include <linux/moduleloader.h>
#include <linux/string.h>

/**
 * struct place - where a relocation goes
 * @mod:  for messages
 * @at:   address
 * @past: bytes from the section's start to there
 * @room: bytes from there to the end of the section
 */
struct place {
	const struct module *mod;
	void *at;
	u64 past;
	u64 room;
};

static int store(const struct place *place, u64 value, size_t bytes)
{
	if (place->room < bytes) {
		pr_err("%s: a relocation outside of its section\n", place->mod->name);
		return -ENOEXEC;
	}
	memcpy(place->at, &value, bytes);
	return 0;
}

static int store_near(const struct place *place, s64 value)
{
	if (value != (s32)value) {
		pr_err("%s: a symbol out of the reach of 32 bits\n", place->mod->name);
		return -ENOEXEC;
	}
	return store(place, value, 4);
}

/*
 * The compiler calls the function tracer through a table of addresses, which modules have none of: make it a direct call
 * of the same length, as the linker does in the image.
 */
static int store_call(const struct place *place, s64 value)
{
	static const u8 through_table[] = { 0xff, 0x15 }, direct[] = { 0x67, 0xe8 };
	void *code = place->at - sizeof(direct);

	if (place->past < sizeof(direct) || place->room < 4 || memcmp(code, through_table, sizeof(direct))) {
		pr_err("%s: a table of addresses is wanted; was it built with the image's flags?\n", place->mod->name);
		return -ENOEXEC;
	}
	memcpy(code, direct, sizeof(direct));
	return store_near(place, value);
}

static int relocate(const struct place *place, unsigned int type, u64 value)
{
	switch (type) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_64:
		return store(place, value, 8);
	case R_X86_64_PC64:
		return store(place, value - (u64)place->at, 8);
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		return store_near(place, value - (u64)place->at);
	case R_X86_64_GOTPCRELX:
		return store_call(place, value - (u64)place->at);
	}
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
		const struct place place = {
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
