// SPDX-License-Identifier: BSD-2-Clause
/* Machine code of aarch64 */
#include "../../suite.h"

size_t suite_code_return(void *buf, uint8_t value)
{
	const uint32_t code[] = { 0x52800000U | (uint32_t)value << 5, 0xd65f03c0U }; /* mov w0, #value; ret */

	memcpy(buf, code, sizeof(code));
	return sizeof(code);
}
