/* SPDX-License-Identifier: GPL-2.0-only */
/* Relocation of modules: module.c goes through a table, cpu/<cpu>/module.c knows the kinds. */
#ifndef _RUMP_MODULE_H
#define _RUMP_MODULE_H

#include <linux/types.h>

struct module;

/**
 * struct rump_place - where a relocation goes
 * @mod:  for messages
 * @at:   address
 * @past: bytes from the section's start to there
 * @room: bytes from there to the end of the section
 */
struct rump_place {
	const struct module *mod;
	void *at;
	u64 past;
	u64 room;
};

/**
 * rump_place_load() - read what is at a place
 * @value: out: @bytes of it, little-endian, the rest 0
 * Return: 0, or -ENOEXEC with a message: it is not within the section
 */
int rump_place_load(const struct rump_place *place, u64 *value, size_t bytes);

/** rump_place_store() - write the low @bytes of @value; returns as rump_place_load() */
int rump_place_store(const struct rump_place *place, u64 value, size_t bytes);

/** rump_place_far() - say that what is wanted is further away than @bits can tell; returns -ENOEXEC */
int rump_place_far(const struct rump_place *place, unsigned int bits);

/**
 * rump_relocate() - the CPU's: apply one relocation
 * @type:  number in the CPU's ABI
 * @value: of the symbol, and what is added to it
 * Return: 0, -ENOEXEC with a message, or -EOPNOTSUPP when the type is unknown
 */
int rump_relocate(const struct rump_place *place, unsigned int type, u64 value);

#endif
