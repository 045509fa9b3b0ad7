/* SPDX-License-Identifier: BSD-2-Clause */
/* The checksum of Ethernet, gzip and Python's zlib.crc32() */
#ifndef LIB_CRC32_H
#define LIB_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *bytes, size_t size);

#endif
