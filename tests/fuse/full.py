#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A full disk of the host's under a mount; in namespaces of this program's own, where an ordinary user may mount."""

import errno
import os
import subprocess

import mounting
from mounting import error_of, read, start_foreground, write_synced

import harness
from harness import ok


def fill(image):
    process = start_foreground(image, "m", "-o", "watchdog=1")
    write_synced("m/w/synced")
    ok(error_of(write_synced, "m/w/much", os.urandom(40 << 20)) in (errno.EIO, errno.ENOSPC, errno.EROFS),
       "when the host's disk is full, who syncs gets an error")
    ok(read("m/w/synced") == mounting.SYNCED, "what was there can be read")
    mounting.umount("m")
    result = harness.collect(process)
    ok(result.code == 1 and "cannot be unmounted cleanly" in result.err, "the user is told", result)
    ok(not mounting.mounted("m"), "the mount point is free")


def main():
    mounting.start()
    os.makedirs("small")
    if not mounting.become_root():
        harness.skip("the host's disk is full", "no user namespaces for everybody here")
        harness.done()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m,mode=777", "none", "small"], check=True)
    with open("small/filler", "wb") as file:
        file.write(bytes(100 << 20))
    image = mounting.make("small/disk.img", "ext4")
    fill(image)
    os.unlink("small/filler")
    result = mounting.mount(image, "m")
    ok(result.code == 0 and read("m/w/synced") == mounting.SYNCED, "with more space, what was synced is there", result)
    ok(error_of(write_synced, "m/w/much", os.urandom(40 << 20)) == 0, "and it goes on")
    ok(mounting.umount("m").code == 0, "it can be unmounted")
    harness.check(image, "ext4")
    subprocess.run(["umount", "-l", "small"], check=True)  # the worker lets go of it in a moment
    mounting.finish()


main()
