# SPDX-License-Identifier: BSD-2-Clause
# Tests of mounts; mounting.py is what they share, on top of the harness of tests/tools.

fuse-test-types := ext4 xfs btrfs

tests += $(foreach type,$(fuse-test-types) $(fuse-test-types:%=%-root),tests/fuse/posix.py:$(type))
tests += $(foreach program,fsx programs life many,$(fuse-test-types:%=tests/fuse/$(program).py:%))
tests += tests/fuse/errors.py tests/fuse/contain.py tests/fuse/full.py

long-tests += $(fuse-test-types:%=tests/fuse/fsx.py:%-long)
