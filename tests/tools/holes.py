#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Holes of files whose drivers cannot tell them from data: found, kept, and read only so far when there are too many."""

import filecmp
import json
import os
import re
import shutil
import signal
import struct
import time

import bounded
import harness
import kinds
from harness import expect, ok, run

HOLE = 30 << 20
KEPT = 1 << 20
WORK = 0.3  # seconds


def untold_holes():
    """Drivers that take holes for data: what is zero is found by reading, and not copied, nor counted."""
    for kind in ("jfs", "minix", "nilfs2"):
        os.mkdir("holes")
        with open("holes/file", "wb") as file:
            file.seek(HOLE)
            file.write(os.urandom(KEPT))
            file.truncate(3 * HOLE)
        kinds.make(kind, "blind.img")
        expect(f"{kind}: a file of 90 MiB with 1 MiB of data is copied in", 0, "cp", "-r", "holes", "blind.img:/", message="^$")
        expect(f"{kind}: and out", 0, "cp", "blind.img:/holes/file", "copied", message="^$")
        ok(os.stat("copied").st_blocks * 512 < 2 * KEPT, f"{kind}: with its holes", os.stat("copied"))
        ok(filecmp.cmp("copied", "holes/file", shallow=False), f"{kind}: and its data")
        expect(f"{kind}: tar", 0, "tar", "-f", "holes.tar", "blind.img:/holes", message="^$")
        ok(os.stat("holes.tar").st_size < 2 * KEPT, f"{kind}: the archive has the holes, too", os.stat("holes.tar").st_size)
        os.mkdir("unpacked")
        unpacked = harness.tool("tar", "-xf", "holes.tar", "-C", "unpacked")
        ok(filecmp.cmp("unpacked/holes/file", "holes/file", shallow=False), f"{kind}: and the data", unpacked.stdout)
        expect(f"{kind}: diff", 0, "diff", "--contents", "blind.img:/holes", "holes", message="^$")
        result = run("check", "--json", "blind.img")
        ok(result.code == 0 and json.loads(result.out)[0]["bytes"] < 2 * KEPT, f"{kind}: check counts what is there", result)
        harness.tool("rm", "-rf", "holes", "copied", "holes.tar", "unpacked")


def wait_for_work(process):
    """Until its worker has used some seconds of processor time: it is in the middle of it."""
    worker = harness.worker_of(process)
    while process.poll() is None:
        with open(f"/proc/{worker}/stat", encoding="utf-8") as stat:
            if int(stat.read().rpartition(")")[2].split()[11]) > WORK * os.sysconf("SC_CLK_TCK"):
                break
        time.sleep(0.01)


def claimed_holes():
    """A size far beyond what a driver that knows no holes can be read for: told, and left at that."""
    size, claimed = 54321, 1 << 39
    os.makedirs("tree")
    for name in ("claims.bin", "claims too.bin"):
        kinds.write(f"tree/{name}", os.urandom(size))
    kinds.write("tree/sound.bin", os.urandom(1 << 20))
    kinds.make("ufs1", "claims.img")
    with open("claims.img", "r+b") as file:
        found = list(re.finditer(re.escape(struct.pack("<Q", size)), file.read()))  # in inodes
        for inode in found:
            file.seek(inode.start())
            file.write(struct.pack("<Q", claimed))
    ok(len(found) == 2, "the inodes are found", found)
    shutil.copy("claims.img", "other.img")
    result = bounded.run("check", "--json", "claims.img")
    told = re.findall(rf"(claims.*): .* is not read from byte \d+ to its end at {claimed}; --all", result.err)
    ok(not result.wrong((1,)) and len(told) == 2, "check: both are told of", result)
    read = json.loads(result.out)[0]["bytes"]
    ok(size <= read - (1 << 20) < 4 * size, "what is not zero was read of all", read)
    for words in (["ls", "-lR", "claims.img"], ["du", "claims.img"], ["info", "claims.img"],
                  ["cp", "claims.img:/sound.bin", "sound.bin"]):
        result = bounded.run(*words)
        ok(not result.wrong((0,)), f"{words[0]}: nothing to it", result)
    for words in (["check", "--all", "claims.img"], ["cp", "claims.img:/claims.bin", "claims"],
                  ["tar", "-f", "claims.tar", "claims.img"], ["diff", "--contents", "claims.img", "other.img"]):
        process = harness.spawn(*words)
        wait_for_work(process)
        process.send_signal(signal.SIGINT)
        result = harness.collect(process)
        ok(result.code == 130 and "stuck" not in result.err, f"{words[0]}: a request to stop is heard", result)
    ok(not os.path.exists("claims"), "cp: half a copy does not stay")


def main():
    harness.start()
    kinds.find_programs()
    untold_holes()
    claimed_holes()
    harness.done()


main()
