#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fio on a mount: what it wrote by each way of writing is what it reads again, also after the mount was made anew."""

import os
import shutil
import sys

import mounting

import harness
from harness import ok

SIZE = "48m"

# Each leaves a file of its own. fsync: after so many writes.
JOBS = {
    "psync": ("--rw=randwrite", "--bsrange=512-128k", "--blockalign=512", "--ioengine=psync"),
    "synced": ("--rw=randwrite", "--bs=16k", "--ioengine=psync", "--fsync=16"),
    "direct": ("--rw=randwrite", "--bs=4k", "--ioengine=libaio", "--iodepth=16", "--direct=1"),
    "mmap": ("--rw=randwrite", "--bs=4k", "--ioengine=mmap"),
    "vectors": ("--rw=write", "--bs=64k", "--ioengine=pvsync"),
    "mixed": ("--rw=randrw", "--bs=8k", "--ioengine=psync", "--verify_backlog=64"),
    "splice": ("--rw=write", "--bs=64k", "--ioengine=splice"),
    "holes": ("--rw=randwrite", "--bs=4k", "--ioengine=psync", "--io_size=12m", "--fallocate=none"),
}


def fio(name, *more):
    """No shared memory: hosts and containers have little. What fails is told with the block and what it should be."""
    return harness.tool("fio", "--thread", f"--name={name}", f"--filename={name}", f"--size={SIZE}", "--verify=crc32c",
                        "--verify_fatal=1", "--randseed=7", "--verify_state_save=0", *JOBS[name], *more, cwd="m/w")


def passed(done):
    return done.returncode == 0 and "err= 0" in done.stdout and "verify:" not in done.stdout


def again(name):
    """Reads what the same job with the same seed has written."""
    done = fio(name, "--verify_only=1")
    ok(passed(done), f"{name}: and after the mount was made anew", done.stdout)


def together():
    """Several processes write to files of their own at once."""
    done = harness.tool("fio", "--name=many", "--numjobs=4", "--size=24m", "--rw=randwrite", "--bs=4k", "--verify=crc32c",
                        "--verify_fatal=1", "--ioengine=psync", "--group_reporting", "--verify_state_save=0", cwd="m/w")
    ok(passed(done), "four processes at once", done.stdout)


def damaged():
    """A test that could not fail would show nothing: one byte is changed, and fio must see it."""
    with open("m/w/vectors", "r+b") as file:
        file.seek(20 << 20 | 5000)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    ok(not passed(fio("vectors", "--verify_only=1")), "fio sees one bit that is not as written")


def main():
    kind = sys.argv[1]
    mounting.start()
    if not shutil.which("fio"):
        print("1..0 # SKIP no fio; scripts/packages long installs it")
        os._exit(77)
    image = harness.mkfs("disk.img", kind, 768 << 20)
    ok(harness.run("mkdir", "-m", "777", f"{image}:/w").code == 0, f"{kind}: an image")
    result = mounting.mount(image, "m")
    ok(result.code == 0, f"{kind}: mounted", result)
    for name in JOBS:
        done = fio(name)
        ok(passed(done), f"{name}: what was written is read", done.stdout)
    together()
    mounting.umount("m")
    result = mounting.mount(image, "m")
    ok(result.code == 0, f"{kind}: mounted again", result)
    for name in JOBS:
        if name != "mixed":  # verifying as it goes, it reads again what no second run can know
            again(name)
    damaged()
    result = mounting.umount("m")
    ok(result.code == 0, f"{kind}: unmounted", result)
    harness.check(image, kind)
    mounting.finish()


main()
