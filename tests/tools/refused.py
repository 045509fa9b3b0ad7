#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Hosts and containers whose filters refuse system calls: the command does without, or says which it was."""

import os
import re
import subprocess

import harness
from harness import ok

TIMEOUT = 60
# Newer calls, and those that old filters of containers do not know
NEEDLESS = ("close_range", "close_range!", "openat2!", "preadv2!", "pwritev2!", "fallocate!", "sync_file_range!", "statx!",
            "membarrier!", "io_uring_setup!", "io_uring_setup", "landlock_create_ruleset!", "landlock_create_ruleset",
            "memfd_secret!,userfaultfd!,ptrace!,io_uring_setup!,pwritev2!,preadv2!,close_range!,openat2!")
NEEDED = {"memfd_create!": "memfd_create", "poll!": "cannot wait for the worker \\(poll\\): Operation not permitted"}


def without(calls, *args):
    done = subprocess.run(["./without", calls, harness.program(), *args], capture_output=True, timeout=TIMEOUT, check=False)
    return harness.Result(done.returncode, done.stdout, done.stderr)


def main():
    build = os.environ.get("RUMPUS_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build"))
    with open(f"{build}/tests/tools/without", "rb") as file:
        program = file.read()
    harness.start()
    with open(os.open("without", os.O_WRONLY | os.O_CREAT, 0o755), "wb") as file:
        file.write(program)
    image = harness.mkfs("disk.img", "ext4", 16 << 20)
    for number, calls in enumerate(NEEDLESS):
        result = without(calls, "mkdir", f"{image}:/{number}")
        ok(result.code == 0 and not result.err, f"without {calls}: an image is written", result)
        result = without(calls, "ls", image)
        ok(str(number) in result.text.split() and not result.err, f"without {calls}: and read", result)
    for calls, said in NEEDED.items():
        result = without(calls, "ls", image)
        ok(result.code == 1 and re.search(said, result.err), f"without {calls}: \"{said}\"", result)
    harness.check(image, "ext4")
    harness.done()


if __name__ == "__main__":
    main()
