/* SPDX-License-Identifier: GPL-2.0-only */
/* CRC32c by an instruction of this CPU */
#ifndef _CPU_CRC32C_H
#define _CPU_CRC32C_H

#include <linux/types.h>

/** crc32c_has_instruction() - does __crc32c_le() use it? Known from the first initcalls on */
bool crc32c_has_instruction(void);

#endif
