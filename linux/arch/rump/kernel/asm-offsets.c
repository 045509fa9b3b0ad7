// SPDX-License-Identifier: GPL-2.0-only
/* Nothing is handed to assembly code; the tree wants the file. */
#include <linux/kbuild.h>

int main(void)
{
	return 0;
}
