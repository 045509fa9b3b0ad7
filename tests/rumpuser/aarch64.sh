#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# librumpuser on aarch64, as a shared library under qemu-user: the ABI, locks and block I/O under load.
# usage: tests/rumpuser/aarch64.sh [SET]   SET: short (the default), or long
#
# Not here, as they would test the emulator: memory and bio, which take memory from the process and look at its map; what
# forks with threads, now and then a deadlock there; the proxy, whose server it cannot execute.
cd "$(dirname "$0")/../.." || exit 1

suite=rumpuser/suite
debug=rumpuser/suite-debug
case ${1:-short} in
short)
	exec tests/aarch64.sh --shared rumpuser/abi rumpuser/abi_file rumpuser/abi_barrier rumpuser/abi_loader \
		rumpuser/stubs $suite:mutex-load $suite:order $suite:scheduler $suite:rwlock-load \
		$suite:bio-load $suite:component
	;;
long)
	exec tests/aarch64.sh --shared $suite:early $suite:mutex $suite:mutex-smp $suite:mutex-load-1 $suite:condvar \
		$suite:condvar-smp $suite:condvar-load-1 $suite:scheduler-1 $suite:rwlock $suite:clock $suite:ticker \
		$suite:file $suite:condvar-load $debug:mutex-load $debug:condvar-load $debug:order \
		$debug:scheduler $debug:rwlock-load $debug:bio-load
	;;
esac
echo "usage: $0 [short | long]" >&2
exit 2
