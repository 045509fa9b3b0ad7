#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Block devices, images that the host has mounted, and hosts that refuse parts of the sandbox. Needs root."""

import os
import shutil

import harness
from harness import check, digest, expect, ok, run, tool


def device(image):
    loop = tool("losetup", "-f", "--show", image).stdout.strip()
    try:
        result = expect("info of a block device", 0, "info", loop, message="^$")
        ok("block device" in result.text and "ext4" in result.text, "it says so, and finds the file system", result)
        expect("writing to a block device", 0, "mkdir", f"{loop}:/written", message="^$")
        expect("its file is locked meanwhile", 1, "mkdir", f"{image}:/no", message=f"in use by the host as {loop}")
    finally:
        tool("losetup", "-d", loop)
    result = expect("what was written is in the file", 0, "ls", image, message="^$")
    ok("written" in result.text.split(), "under its name", result)
    check(image, "ext4")


def mounted(image):
    """A copy of an image that the host has mounted and is writing to is dirty."""
    os.mkdir("mnt")
    made = tool("mount", "-o", "loop", image, "mnt")
    if not ok(made.returncode == 0, "mounted by the host for what follows", made.stdout):
        return
    try:
        with open("mnt/file", "wb") as file:
            file.write(b"by the host\n")
            os.fsync(file.fileno())
        os.mkdir("mnt/directory")
        os.sync()
        expect("an image that the host has mounted", 1, "ls", image, message="in use by the host")
        shutil.copy(image, "dirty.img")
    finally:
        tool("umount", "mnt")
    state = tool("/usr/sbin/dumpe2fs", "-h", "dirty.img").stdout
    ok("needs_recovery" in state, "its copy is dirty", state)
    sums = digest("dirty.img")
    result = expect("the copy can be read", 0, "cat", "dirty.img:/file", message="^$")
    ok(result.out == b"by the host\n", "with what the host had written", result)
    ok(digest("dirty.img") == sums, "and is not changed by that")
    expect("it can be written to", 0, "mkdir", "dirty.img:/new", message="^$")
    check("dirty.img", "ext4")


def poor_host(image):
    """Root of a user namespace without other users, on a host that gives no further namespaces."""
    script = "echo 0 >/proc/sys/user/max_pid_namespaces && exec \"$0\" \"$@\""
    result = tool("unshare", "-Ur", "sh", "-c", script, harness.program(), "info", image)
    ok(result.returncode == 0 and "no namespaces, no user, capabilities" in result.stdout,
       "layers that a host refuses are named, the others hold", result.stdout)


def owners(image):
    """A user cannot give files away: told once, and by the exit code."""
    os.mkdir("tree")
    for i in range(5):
        with open(f"tree/{i}", "wb") as file:
            file.write(b"x")
        os.chown(f"tree/{i}", 1000 + i, 1000)
        os.chmod(f"tree/{i}", 0o4755)
    expect("a tree of other owners", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    os.chmod(image, 0o644)
    os.mkdir("theirs", 0o777)
    os.chmod("theirs", 0o777)
    program = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", harness.program()]
    result = tool(*program, "cp", "-a", f"{image}:/tree", "theirs/")
    ok(result.returncode == 3 and result.stdout.count("\n") == 1 and "owner cannot be kept" in result.stdout,
       "copied out by a user: one warning, exit 3", f"{result.returncode} {result.stdout}")
    modes = {oct(os.stat(f"theirs/tree/{i}").st_mode & 0o7777) for i in range(5)}
    ok(modes == {"0o755"}, "without set-user-ID bits", modes)
    result = tool(*program, "-q", "cp", "-a", f"{image}:/tree", "theirs/")
    ok(result.returncode == 3 and not result.stdout, "-q: no warning, still exit 3", result.stdout)
    result = run("ls", "-l", f"{image}:/tree/3")
    ok(result.text.split()[2:4] == ["1003", "1000"], "in the image the owners are kept", result)


def main():
    harness.start(as_root=True)
    image = harness.mkfs("disk.img", "ext4")
    device(image)
    mounted(image)
    poor_host(image)
    owners(image)
    check(image, "ext4")
    harness.done()


main()
