#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each of the kernel's sanitizers finds the bugs that the tree's own tests plant."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from tap import ok, plan  # noqa: E402

KERNEL = os.path.join(os.environ["RUMPUS_BUILD"], "tests/linux/kernel")
os.environ["RUMPUS_IMAGE"] = os.environ["RUMPUS_CHECK_IMAGE"]
os.environ.pop("RUMPUS_LOG", None)  # complaints are what is wanted here



def run(*actions):
    done = subprocess.run([KERNEL, *actions], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("utf-8", "replace")


def address():
    text = run("boot=kunit.enable=1 kunit.filter_glob=kasan*")
    passed = re.findall(r"^\S* *(?:\[[^]]*\] )? {4}ok \d+ (\w+)(?! .*SKIP)", text, re.MULTILINE)
    ok("BUG: KASAN: slab-out-of-bounds in kmalloc_oob_right" in text, "KASAN: an access behind an allocation", text)
    ok("BUG: KASAN: slab-use-after-free in kmalloc_uaf" in text, "KASAN: an access after it was freed", text)
    ok("BUG: KASAN: global-out-of-bounds in kasan_global_oob" in text, "KASAN: an access behind a variable", text)
    ok(re.search(r"Allocated by task \d+:\n.*kmalloc_uaf", text, re.DOTALL), "KASAN: it tells who allocated", text)
    ok(len(passed) > 30 and "not ok" not in text, f"KASAN: its own suite passes, {len(passed)} cases", text)


def undefined():
    text = run("boot", "mkdir=/debug", "mount=debugfs:/debug", "write=/debug/provoke-crash/DIRECT:ARRAY_BOUNDS")
    ok("UBSAN: array-index-out-of-bounds" in text, "UBSAN: an index behind an array", text)
    ok(re.search(r"lkdtm_ARRAY_BOUNDS[.\w]*\+0x", text), "UBSAN: it tells where", text)


def locks():
    text = run("boot")
    ok(re.search(r"Good, all \d+ testcases passed!", text), "lockdep: its own tests pass", text)
    ok("WARNING:" not in text and "BUG:" not in text, "a kernel with all of them boots without a complaint", text)


def functions():
    # The tree sizes its buffers by what is free now, which a kernel here has little of until it is wanted.
    text = run("boot=trace_buf_size=512k", "mkdir=/trace", "mount=tracefs:/trace",
               "write=/trace/current_tracer:function", "mkdir=/there", "write=/trace/tracing_on:0", "cat=/trace/trace")
    ok(": do_mkdirat <-" in text, "ftrace: each function is traced, and who called it", text)


def coverage():
    os.environ["RUMPUS_COVERAGE"] = os.path.abspath("coverage")
    text = run("boot", "mkdir=/there", "halt", "boot", "mkdir=/there")
    del os.environ["RUMPUS_COVERAGE"]
    script = os.path.join(os.environ["RUMPUS_TOP"], "scripts/coverage")
    report = subprocess.run([script, "--lcov", "lcov", "coverage", "arch/rump/kernel"], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False).stdout.decode("utf-8", "replace")
    ok(re.search(r"[1-9]\d* of +\d+ lines .* arch/rump/kernel/caller.c\n", report), "coverage: lines of a file",
       text + report)
    ok(re.search(r"lines .* 2 kernels$", report), "coverage: runs are added up", text + report)
    with open("lcov") as lcov:
        ok("caller.c" in lcov.read(), "coverage: for genhtml, too")


def main():
    for name in (address, undefined, locks, functions, coverage):
        name()
    return plan()


if __name__ == "__main__":
    sys.exit(main())
