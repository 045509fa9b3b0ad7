#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bugs that the tree's lkdtm plants: each ends its kernel with a reason, or is told of, and the program goes on."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from tap import ok, plan  # noqa: E402

KERNEL = os.path.join(os.environ["RUMPUS_BUILD"], "tests/linux/kernel")
os.environ["RUMPUS_IMAGE"] = os.environ["RUMPUS_CHECK_IMAGE"]
os.environ.pop("RUMPUS_LOG", None)  # complaints are what is wanted here
PATIENCE = 300  # seconds, for a machine with much to do

ENDS = "Cannot send after transport endpoint shutdown"  # ESHUTDOWN, what the call returns
# What is planted, with what on the command line, and what the kernel says. None of them comes back from its call.
FATAL = [
    ("PANIC", "", r"panic - not syncing: dumptest"),
    ("BUG", "", r"BUG: failure at .*lkdtm/bugs\.c"),
    ("EXCEPTION", "", r"panic - not syncing: bad access at address 0, image offset"),
    ("EXEC_DATA", "", r"panic - not syncing: bad access at address"),
    ("EXEC_KMALLOC", "", r"panic - not syncing: bad access at address"),
    ("EXEC_VMALLOC", "", r"panic - not syncing: bad access at address"),
    ("WRITE_RO", "", r"panic - not syncing: bad access at address"),
    ("EXEC_NULL", "", r"panic - not syncing: bad access at address 0"),
    ("SOFTLOCKUP", "rump.lockup_ms=2000", r"panic - not syncing: soft lock-up: CPU \d+ does nothing but system call 1\b"),
    ("HARDLOCKUP", "rump.lockup_ms=2000", r"panic - not syncing: lock-up: CPU \d+ .* system call 1\b"),
    ("HUNG_TASK", "rump.hung_ms=1000", r"panic - not syncing: hung task: caller:\d+ waits"),
]
# Those that a sanitizer tells of, and that the kernel survives.
TOLD = [
    ("WARNING", r"WARNING: .*lkdtm_WARNING"),
    ("WRITE_AFTER_FREE", r"BUG: KASAN: slab-use-after-free in lkdtm_WRITE_AFTER_FREE"),
    ("READ_AFTER_FREE", r"BUG: KASAN: slab-use-after-free in lkdtm_READ_AFTER_FREE"),
    ("SLAB_LINEAR_OVERFLOW", r"BUG: KASAN: slab-out-of-bounds in lkdtm_SLAB_LINEAR_OVERFLOW"),
]



def plant(what, parameters):
    """Returns what the kernel and the program said, and the program's exit status; None: it hung."""
    command = [KERNEL, f"boot={parameters}", "mkdir=/debug", "mount=debugfs:/debug",
               f"write=/debug/provoke-crash/DIRECT:{what}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode("utf-8", "replace"), None
    return done.stdout.decode("utf-8", "replace"), done.returncode


def main():
    for what, parameters, said in FATAL:
        text, status = plant(what, parameters)
        ok(status == 1 and ENDS in text, f"{what}: the call fails, and the program goes on", f"{text}\nstatus {status}")
        ok(re.search(said, text), f"{what}: the kernel says why", text)
    for what, said in TOLD:
        text, status = plant(what, "")
        ok(status == 0, f"{what}: the kernel goes on", f"{text}\nstatus {status}")
        ok(re.search(said, text), f"{what}: it is told of", text)
    return plan()


if __name__ == "__main__":
    sys.exit(main())
