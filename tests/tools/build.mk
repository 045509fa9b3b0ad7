# SPDX-License-Identifier: BSD-2-Clause
# Tests of the rumpus command; see tests/tools/harness.py.

tests += $(foreach type,ext4 xfs btrfs ext4-root xfs-root btrfs-root,tests/tools/copy.py:$(type))
