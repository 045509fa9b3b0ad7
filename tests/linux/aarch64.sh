#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The kernel image for aarch64: library, litmus tests, file systems and components under qemu-user.
# usage: tests/linux/aarch64.sh [SET]   SET: short (the default), or one of what takes minutes in an emulator
#
# Not here: blk/file, whose forks deadlock in the emulator now and then, and syscall/abi, which compares with the host,
# and that is the emulator: it lacks preadv2(2) and openat2(2) and pads structures as it likes.
cd "$(dirname "$0")/../.." || exit 1

case ${1:-short} in
short)
	exec tests/aarch64.sh lib/loader lib/gate lib/life lib/stress lib/linux linux/litmus fs/data:ext4 fs/data:btrfs
	;;
blk)
	exec tests/aarch64.sh blk/spec blk/conformance blk/durability blk/lock
	;;
net)
	# Not bus: its members execute the program again, and that is the emulator.
	exec tests/aarch64.sh net/spec net/conformance net/wrappers
	;;
ext4 | xfs | btrfs)
	exec tests/aarch64.sh "fs/data:$1" "fs/stress:$1" "fs/full:$1" "fs/replay:$1" "fs/faults:$1"
	;;
components)
	exec tests/aarch64.sh linux/components
	;;
esac
echo "usage: $0 [short | blk | net | ext4 | xfs | btrfs | components]" >&2
exit 2
