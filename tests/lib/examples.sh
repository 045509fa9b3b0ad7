#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The example programs do what their comments say, with the shared library and the image that they find by themselves.
set -u

build=${RUMPUS_BUILD:?run by make check}
unset RUMPUS_IMAGE
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

[ -e "$build/lib/rumpus/linux.img" ] || exit 77
PATH=$PATH:/sbin:/usr/sbin
mkdir tree tree/dir
seq 20000 >tree/numbers
truncate -s 8M disk.img
mkfs.ext4 -q -d tree disk.img >out 2>&1
ok $? "an image is made"
sha256sum disk.img >before

"$build/examples/embed" disk.img ext4 numbers >out 2>&1
ok $? "embed reads it"
for name in dir numbers lost+found; do
    grep -qx "$name" out
    ok $? "$name is listed"
done
grep -x '[0-9]*' out >copy && cmp -s copy tree/numbers
ok $? "the file is printed"
sha256sum -c before >out 2>&1
ok $? "the image is as it was"
"$build/examples/embed" disk.img ext4 numbers verbose 2>&1 | grep -q "Linux version"
ok $? "the kernel's log"

! "$build/examples/embed" missing.img ext4 numbers >out 2>&1 && grep -q "missing.img" out
ok $? "no such image"
! "$build/examples/embed" disk.img xfs numbers >out 2>&1 && grep -q "mount: Invalid argument" out
ok $? "another file system"
! "$build/examples/embed" disk.img ext4 missing >out 2>&1 && grep -q "No such file" out
ok $? "no such file"
! "$build/examples/embed" >out 2>&1 && grep -q usage out
ok $? "no arguments"

done_testing
