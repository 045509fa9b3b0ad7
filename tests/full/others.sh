#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The kernel with file systems and a network passes tests of the kernels that have the one or the other, unchanged.
# usage: tests/full/others.sh components | volumes | data | stack | filter
set -u

tests=${RUMPUS_BUILD:?run by make check}/tests
# Each program looks at one of the two.
RUMPUS_IMAGE=$RUMPUS_BUILD/lib/rumpus/linux-full.img
RUMPUS_TEST_SET=full
export RUMPUS_IMAGE RUMPUS_TEST_SET

case ${1:-} in
components | volumes) exec "$tests/linux/$1" ;;
data) exec "$tests/fs/data" btrfs ;;
stack | filter) exec "$tests/net/$1" ;;
esac
echo "usage: $0 components | volumes | data | stack | filter" >&2
exit 2
