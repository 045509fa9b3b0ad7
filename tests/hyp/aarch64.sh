#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The conformance programs of the hypercalls on aarch64.
# Not inject: its forks deadlock in the emulator now and then, and what it checks is the host's, not the processor's.
cd "$(dirname "$0")/../.." || exit 1
exec tests/aarch64.sh hyp/conformance-posix hyp/conformance-replay hyp/conformance-stub hyp/replay
