#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""In a directory of its own without /proc, as many a chroot and a small container is: it works, or says what is missing."""

import os
import re
import shutil
import subprocess

import harness
from harness import ok


def furnish(root):
    """What the command needs of a host: libraries, itself, its kernel, and an image."""
    libraries = re.findall(r"(/\S+) \(0x", harness.tool("ldd", harness.program()).stdout)
    for path in [*libraries, harness.program()]:
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, root + path)
    shutil.copytree(os.path.dirname(harness.kernel_image()), root + os.path.dirname(harness.kernel_image()))
    os.mkdir(f"{root}/mnt")
    harness.mkfs(f"{root}/disk.img", "ext4", 16 << 20)
    os.symlink("loop.img", f"{root}/loop.img")


def inside(root, *args, **env):
    command = ["unshare", "-r", "--root", root, "--wd", "/", harness.program(), *args]
    done = subprocess.run(command, capture_output=True, check=False, env=dict(os.environ, **env))
    return harness.Result(done.returncode, done.stdout, done.stderr)


def main():
    harness.start()
    root = os.path.abspath("root")
    os.mkdir(root)
    furnish(root)
    made = subprocess.run(["unshare", "-r", "true"], capture_output=True, check=False)
    if made.returncode:
        harness.tap.skip_all("this host lets ordinary users have no namespaces")
    result = inside(root, "mkdir", "disk.img:/made")
    ok(result.code == 0 and not result.err, "an image is written", result)
    result = inside(root, "ls", "disk.img")
    ok(result.code == 0 and "made" in result.text and not result.err, "and read", result)
    result = inside(root, "mount", "-o", "ro", "disk.img", "/mnt")
    ok(result.code == 1 and "no /proc; mount it" in result.err, "a mount says what it wants", result)
    result = inside(root, "doctor")
    ok(result.text.count("remedy: mount /proc") == 3, "the doctor does as well", result)
    result = inside(root, "ls", "loop.img")
    ok(result.code == 1 and "loop.img: is reached by too many symbolic links" in result.err, "an image that is a link to itself", result)
    result = inside(root, "ls", "disk.img", RUMPUS_IMAGE="/loop.img")
    ok(result.code == 1 and "Too many levels of symbolic links" in result.err, "a kernel image that is", result)
    harness.done()


if __name__ == "__main__":
    main()
