#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds test programs for aarch64 and runs them under qemu-user, each in a directory of its own.
# usage: tests/aarch64.sh [--shared] PROGRAM[:ARGUMENT]...
#        names below tests/; a kernel image is used if it was built before; --shared: with shared libraries
set -eu

cd "$(dirname "$0")/.."
build=${RUMPUS_BUILD:-$PWD/build}/aarch64
cross=aarch64-linux-gnu-
ldflags=-static
if [ "${1:-}" = --shared ]; then
	build=$build-shared
	ldflags=
	shift
fi

skip()
{
	echo "1..0 # SKIP $1"
	exit 77
}

command -v "${cross}gcc" >/dev/null || skip "no cross compiler: install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
command -v qemu-aarch64 >/dev/null || skip "no emulator: install qemu-user"

targets=
for word; do
	targets="$targets $build/tests/${word%%:*}"
done
mkdir -p "$build"
# shellcheck disable=SC2086 # a list of words
if ! env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s BUILD="$build" CROSS_COMPILE="$cross" LDFLAGS="$ldflags" \
	LINUX="${RUMPUS_LINUX:-6.12}" \
	$targets >"$build/make.log" 2>&1; then
	sed 's/^/# /' "$build/make.log"
	echo "not ok 1 - the programs build for aarch64"
	echo "1..1"
	exit 1
fi

# shellcheck disable=SC3045 # dash and bash have it
ulimit -c 0
export HYP_EMULATED=1
export RUMPUS_IMAGE="$build/lib/rumpus/linux.img"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
number=0
failed=0
for word; do
	number=$((number + 1))
	argument=${word#"${word%%:*}"}
	# A child that the emulator forks while another thread holds a lock of the emulator's waits for ever, now and then.
	for try in 1 2 3; do
		status=0
		rm -rf "${scratch:?}/$number"
		mkdir "$scratch/$number"
		chmod 755 "$scratch" "$scratch/$number"
		# shellcheck disable=SC2086 # an argument or none
		output=$(cd "$scratch/$number" && timeout 180 qemu-aarch64 -L /usr/aarch64-linux-gnu \
			"$build/tests/${word%%:*}" ${argument#:} 2>&1) || status=$?
		[ "$status" -eq 124 ] || break
		echo "# $word: no end after 180 seconds, try $try of 3"
	done
	# The tests' own deaths by signal are no news.
	echo "$output" | sed 's/^/# /' | grep -a -v -e '^# ok' -e '^# # [a-z]*$' -e 'uncaught target signal' || true
	rm -rf "${scratch:?}/$number"
	if [ "$status" -eq 0 ]; then
		echo "ok $number - $word, $(echo "$output" | grep -a -c '^ok') checks"
	else
		echo "not ok $number - $word (status $status)"
		failed=1
	fi
done
echo "1..$number"
exit $failed
