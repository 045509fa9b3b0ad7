/* SPDX-License-Identifier: BSD-2-Clause */
/* Real data: files of the host copied into a file system, compared with the originals later. */
#ifndef TESTS_FS_IMPORT_H
#define TESTS_FS_IMPORT_H

#include <stdint.h>

/**
 * import_copy() - copy regular files, directories and symbolic links below a host directory
 * @from: on the host
 * @to:   inside the kernel; made
 * @most: bytes; files beyond them are left out
 * Return: files, directories and links copied; the test is aborted when one cannot be
 */
unsigned int import_copy(const char *from, const char *to, uint64_t most);

/** import_compare() - compare contents, mode and time of all of them with the host's. Return: how many differ */
unsigned int import_compare(void);

#endif
