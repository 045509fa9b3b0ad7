#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An image with a dirty journal: readers see it replayed and change nothing, the next writer replays it for good."""

import os
import signal
import sys
import time

import harness
from harness import check, collect, digest, expect, ok, run, spawn

# XFS keeps its log in memory for long; with wsync every change is in the journal before it returns.
OPTIONS = {"ext4": "defaults", "xfs": "wsync", "btrfs": "defaults"}
SAYS = {"ext4": "recovery complete", "xfs": "Ending recovery", "btrfs": ""}


def make_dirty(kind):
    """Kill a copy of many files, once the journal has been written to."""
    image = harness.mkfs("disk.img", kind)
    expect(f"{kind}: a file that must survive", 0, "cp", "first", f"{image}:/", message="^$")
    before = os.stat(image).st_blocks * 512
    process = spawn("cp", "-o", OPTIONS[kind], "-r", "many", f"{image}:/")
    limit = time.monotonic() + 90
    while os.stat(image).st_blocks * 512 < before + (20 << 20) and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.01)
    killed = process.poll() is None
    process.send_signal(signal.SIGKILL)
    collect(process)
    ok(killed, f"{kind}: killed in the middle of writing")
    return image


def main():
    kind = sys.argv[1]
    harness.start()
    with open("first", "wb") as file:
        file.write(b"first\n")
    os.mkdir("many")
    for i in range(2000):
        with open(f"many/{i}", "wb") as file:
            file.write(b"%d" % i * 30000)
    image = make_dirty(kind)
    sums = digest(image)
    result = expect(f"{kind}: dmesg", 0, "dmesg", image, message="^$")
    ok(SAYS[kind] in result.text, f"{kind}: the kernel replayed the journal", result)
    expect(f"{kind}: ls -lR", 0, "ls", "-lR", image, message="^$")
    result = expect(f"{kind}: cat", 0, "cat", f"{image}:/first", message="^$")
    ok(result.out == b"first\n", f"{kind}: what was there before is there", result)
    expect(f"{kind}: info", 0, "info", image, message="^$")
    os.mkdir("out")
    result = run("cp", "-r", f"{image}:/", "out")
    ok(result.code == 0, f"{kind}: cp of all that there is", result)
    ok(digest(image) == sums, f"{kind}: none of these changed one byte of the image")
    expect(f"{kind}: a writer replays it for good", 0, "rm", "-rf", f"{image}:/many", message="^$")
    check(image, kind)
    harness.done()


main()
