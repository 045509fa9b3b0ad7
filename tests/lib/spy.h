/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk that looks whether the memory of its requests is the program's own: whether somebody copied. */
#ifndef TESTS_LIB_SPY_H
#define TESTS_LIB_SPY_H

#include <rumpus/hyp_blk.h>

struct spy;

/** spy_open() - on a new device of @size bytes of memory; ends the program on failure. Return: for rumpus_disk_attach()
 */
struct hyp_blk *spy_open(unsigned long size);

/**
 * spy_watch() - requests from now on are for @buffer, a page's worth each
 * @buffer: the program's; it is there already
 */
void spy_watch(struct hyp_blk *disk, unsigned char *buffer);

/**
 * spy_result() - what was seen since spy_watch()
 * @requests: out: how many transferred data
 * Return: how many of these had the watched memory itself
 */
unsigned int spy_result(struct hyp_blk *disk, unsigned int *requests);

#endif
