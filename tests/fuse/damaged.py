#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Damaged images through the mount: programs get answers, the server ends as it should, and the mount point is free.

usage: damaged.py KIND-FIRST+COUNT    as in "damaged.py ext4-17+1", which repeats seed 17
"""

import os
import re
import shutil
import signal
import sys
import time

import mounting

import bounded
import harness
import mutants
import mutate
from harness import ok

ENTRIES = 3000  # that are looked at: a damaged directory may have no end
PIECE = 1 << 20  # bytes that are read of a file: nor may a file
TIMEOUT = 120  # seconds for what takes one


def attempt(function, *args, **more):
    try:
        return function(*args, **more)
    except (OSError, ValueError):  # a name with a zero byte
        return None


def look_at(path):
    status = attempt(os.lstat, path)
    for name in attempt(os.listxattr, path, follow_symlinks=False) or ():
        attempt(os.getxattr, path, name, follow_symlinks=False)
    attempt(os.readlink, path)
    if status and status.st_mode & 0o170000 == 0o100000:
        fd = attempt(os.open, path, os.O_RDONLY)
        if fd is not None:
            attempt(os.pread, fd, PIECE, 0)
            attempt(os.pread, fd, PIECE, max(0, status.st_size - PIECE))
            os.close(fd)


def change(point):
    for i in range(20):
        fd = attempt(os.open, f"{point}/new{i}", os.O_CREAT | os.O_RDWR)
        if fd is not None:
            attempt(os.write, fd, bytes(50000))
            attempt(os.fsync, fd)
            attempt(os.close, fd)
    attempt(os.mkdir, f"{point}/newdir")
    attempt(os.rename, f"{point}/new1", f"{point}/newdir/new1")
    attempt(os.unlink, f"{point}/new2")


def use(point):
    """Look at everything, up to a bound, and change something; in a process of its own, which may be stuck or be killed."""
    seen = 0
    for path, dirs, files in os.walk(point, onerror=lambda error: None):
        for name in dirs + files:
            look_at(os.path.join(path, name))
            seen += 1
            if seen > ENTRIES:
                break
        if seen > ENTRIES:
            break
    attempt(os.statvfs, point)
    change(point)


def used(point):
    """Whether use() came to an end."""
    pid = os.fork()
    if not pid:
        try:
            attempt(use, point)
            os._exit(0)
        finally:
            os._exit(1)
    limit = time.monotonic() + TIMEOUT
    ended, status = os.waitpid(pid, os.WNOHANG)
    while not ended:
        if time.monotonic() > limit:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
        ended, status = os.waitpid(pid, os.WNOHANG)
    return not status


def wrong(result):
    """What is wrong with how a mount ended; None: nothing."""
    if "HANGS" in result.err or result.code not in (0, 1):
        return f"exit status {result.code}"
    if result.code and not result.err:
        return "failed without a message"
    for text in bounded.BROKEN:
        if text in result.err and "the kernel in the worker ended: " not in result.err:
            return text
    return "the mount point is not free" if mounting.mounted("m") else None


def mount_one():
    """Returns what is wrong, and whether it was mounted."""
    process = harness.spawn("mount", "-f", "-o", "watchdog=30", "disk.img", "m")
    mounting.wait_until(lambda: process.poll() is not None or (mounting.mounted("m") and attempt(os.stat, "m") is not None))
    there = process.poll() is None
    trouble = None if not there or used("m") else f"no end of using it after {TIMEOUT} seconds"
    if there:
        mounting.umount("m")
    result = harness.collect(process)
    trouble = trouble or wrong(result)
    return f"{trouble}\n{result}" if trouble else None, there


def main():
    name, first, count = re.fullmatch(r"(.*)-(\d+)\+(\d+)", sys.argv[1]).groups()
    mounting.start()
    os.environ["RUMPUS_COMMAND_LINE"] = "rump.hung_ms=5000"  # who waits for nothing at all need not wait for a minute
    base, kind = mutants.make_base(name)
    os.rename("disk.img", "base.img")
    os.mkdir("m")
    troubles = []
    mounted = 0
    for seed in range(int(first), int(first) + int(count)):
        harness.tool("cp", "--sparse=always", "base.img", "disk.img")
        mutant = mutate.Mutant(base, kind, seed)
        mutant.apply("disk.img")
        trouble, there = mount_one()
        mounted += there
        if trouble:
            troubles.append(f"seed {seed}: {mutant}: {trouble}\nrepeat: tests/fuse/damaged.py {name}-{seed}+1")
    ok(not troubles, f"{name}: {count} damaged images through the mount", "\n".join(troubles))
    ok(mounted or int(count) < 8, f"{name}: some of which could be mounted", mounted)
    shutil.copy("base.img", "disk.img")
    ok(mounting.mount("disk.img", "m").code == 0 and mounting.umount("m").code == 0, f"{name}: the sound one can")
    mounting.finish()


if __name__ == "__main__":
    main()
