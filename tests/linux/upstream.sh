#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Another upstream: its kernel is built beside ours and passes the tests of file systems.
# Usage: tests/linux/upstream.sh VERSION
set -u

top=${RUMPUS_TOP:?run by make check-long}
build=${RUMPUS_BUILD:?}/upstream-$1
# What the outer make has exported is about the outer make's kernel.
unset MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL BUILD TESTS RUMPUS_IMAGE RUMPUS_CHECK_IMAGE RUMPUS_LINUX

if ! "$top/scripts/packages" --linux "$1" --list build >missing 2>&1 || [ -s missing ]; then
	echo "1..0 # SKIP missing: $(tr '\n' ' ' <missing)(scripts/packages --linux $1)"
	exit 0
fi
make --no-print-directory -C "$top" LINUX="$1" BUILD="$build" check TESTS=fs/ >out 2>&1
status=$?
sed 's/^/# /' out
if [ $status -eq 0 ]; then
	echo "ok 1 - Linux $1: $(grep " passed, .* failed" out)"
else
	echo "not ok 1 - Linux $1"
fi
echo "1..1"
exit $status
