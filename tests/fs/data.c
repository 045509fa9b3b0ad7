// SPDX-License-Identifier: BSD-2-Clause
/* Real data and files of every kind go in, and come out the same from a fresh kernel; the host's checker agrees */
#include <rumpus/syscalls.h>

#include "../tap.h"
#include "fs.h"
#include "import.h"
#include "tree.h"

#define REAL_DATA "/usr/include"
#define REAL_MOST (48ULL << 20)

int main(int argc, char **argv)
{
	unsigned int copied;
	struct fs fs;

	fs_begin(&fs, argc, argv);
	fs_make(&fs);
	fs_start(&fs, 2);
	tree_make(FS_MOUNT "/tree");
	copied = import_copy(REAL_DATA, FS_MOUNT "/real", REAL_MOST);
	tap_ok(copied > 100, "%u files of %s copied in", copied, REAL_DATA);
	tree_compare(FS_MOUNT "/tree");
	fs_stop(&fs);
	fs_check(&fs, "after writing");

	fs_start(&fs, 1);
	tree_compare(FS_MOUNT "/tree");
	tap_is(import_compare(), 0, "%u files as they are on the host", copied);
	tap_is(tree_count(FS_MOUNT "/real"), copied - 1, "and no other");
	fs_stop(&fs);
	fs_check(&fs, "after reading");
	return tap_done();
}
