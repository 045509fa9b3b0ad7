#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds the conformance programs for aarch64 and runs them under qemu-user.
set -eu

cd "$(dirname "$0")/../.."
build=${RUMPUS_BUILD:-build}/aarch64
cross=aarch64-linux-gnu-gcc
# Not inject: its forks deadlock in the emulator now and then, and what it checks is the host's, not the processor's.
programs="conformance-posix conformance-replay conformance-stub replay"

skip()
{
	echo "1..0 # SKIP $1"
	exit 77
}

command -v "$cross" >/dev/null || skip "no cross compiler: install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
command -v qemu-aarch64 >/dev/null || skip "no emulator: install qemu-user"

targets=
for program in $programs; do
	targets="$targets $build/tests/hyp/$program"
done
mkdir -p "$build"
# shellcheck disable=SC2086 # a list of words
if ! env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s BUILD="$build" CC="$cross" AR=aarch64-linux-gnu-ar LDFLAGS=-static \
	$targets >"$build/make.log" 2>&1; then
	sed 's/^/# /' "$build/make.log"
	echo "not ok 1 - the conformance programs build for aarch64"
	echo "1..1"
	exit 1
fi

# shellcheck disable=SC3045 # dash and bash have it
ulimit -c 0
export HYP_EMULATED=1
number=0
failed=0
for program in $programs; do
	number=$((number + 1))
	status=0
	output=$(timeout 300 qemu-aarch64 -L /usr/aarch64-linux-gnu "$build/tests/hyp/$program" 2>&1) || status=$?
	# The tests' own deaths by signal are no news.
	echo "$output" | sed 's/^/# /' | grep -v -e '^# ok' -e '^# # [a-z]*$' -e 'uncaught target signal' || true
	if [ $status -eq 0 ]; then
		echo "ok $number - $program, $(echo "$output" | grep -c '^ok') checks"
	else
		echo "not ok $number - $program (status $status)"
		failed=1
	fi
done
echo "1..$number"
exit $failed
