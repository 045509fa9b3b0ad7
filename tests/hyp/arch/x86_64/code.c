// SPDX-License-Identifier: BSD-2-Clause
/* Machine code of x86-64 */
#include "../../suite.h"

size_t suite_code_return(void *buf, uint8_t value)
{
	const unsigned char code[] = { 0xb8, value, 0, 0, 0, 0xc3 }; /* mov $value, %eax; ret */

	memcpy(buf, code, sizeof(code));
	return sizeof(code);
}
