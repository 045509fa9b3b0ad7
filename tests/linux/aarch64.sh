#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The kernel image for aarch64: library, litmus tests and file systems under qemu-user.
# usage: tests/linux/aarch64.sh [SET]   SET: short (the default), or long for what takes minutes in an emulator
#
# Not here: blk/file, whose forks deadlock in the emulator now and then, and syscall/abi, which compares with the host,
# and that is the emulator: it lacks preadv2(2) and openat2(2) and pads structures as it likes.
cd "$(dirname "$0")/../.." || exit 1

case ${1:-short} in
short)
	exec tests/aarch64.sh lib/loader lib/gate lib/life lib/stress lib/linux linux/litmus fs/data:ext4 fs/data:btrfs
	;;
long)
	exec tests/aarch64.sh blk/spec blk/conformance blk/durability blk/lock fs/data:xfs \
		fs/stress:ext4 fs/stress:xfs fs/stress:btrfs fs/full:ext4 fs/full:xfs fs/full:btrfs \
		fs/replay:ext4 fs/replay:xfs fs/replay:btrfs fs/faults:ext4 fs/faults:xfs fs/faults:btrfs
	;;
esac
echo "usage: $0 [short|long]" >&2
exit 2
