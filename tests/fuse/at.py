#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A mount of an image with another one at a directory of it: the host's programs see both, and write to where it belongs."""

import errno
import os

import mounting

import harness
from harness import check, expect, ok, run, tool

AT = ["--at", "/home=home.img", "--at", "/home/data=data.img"]


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def denied(name, expected, call, *args):
    try:
        call(*args)
    except OSError as error:
        ok(error.errno == expected, name, error)
        return
    ok(False, name, "it can be done")


def main():
    mounting.start()
    for name, kind in (("root.img", "ext4"), ("home.img", "ext4"), ("data.img", "xfs")):
        harness.mkfs(name, kind)
    expect("directories to mount at", 0, "mkdir", "root.img:/home", "root.img:/etc", "home.img:/data", message="^$")
    os.mkdir("point")
    expect("mounted", 0, *AT, "mount", "--idmap", "root.img", "point", message="^$")
    for path in ("etc/file", "home/file", "home/data/file"):
        write(f"point/{path}", path.encode())
    denied("a rename from one to another", errno.EXDEV, os.rename, "point/etc/file", "point/home/renamed")
    denied("a hard link", errno.EXDEV, os.link, "point/home/file", "point/home/data/linked")
    moved = tool("mv", "point/etc/file", "point/home/data/moved")
    ok(not moved.returncode and sorted(os.listdir("point/home/data")) == ["file", "moved"], "mv copies", moved.stdout)
    denied("a directory that is one of them", errno.EBUSY, os.rmdir, "point/home")
    os.link("point/home/file", "point/home/linked")
    numbers = [os.stat(f"point/{path}").st_ino for path in ("", "home", "home/data")]
    ok(len(set(numbers)) == 3, "their roots have different numbers", numbers)
    found = tool("find", "point", "-type", "f")
    ok(not found.returncode and sorted(found.stdout.split()) == ["point/home/data/file", "point/home/data/moved", "point/home/file",
                                                                 "point/home/linked"], "find sees one tree, and no loop", found.stdout)
    sizes = {os.statvfs(f"point/{path}").f_blocks for path in ("", "home/data")}
    ok(len(sizes) == 2, "each has its own space", sizes)
    expect("unmounted", 0, "umount", "point", message="^$")
    for name, kind, files in (("root.img", "ext4", set()), ("home.img", "ext4", {"/file", "/linked"}), ("data.img", "xfs", {"/file", "/moved"})):
        got = {line.partition(":")[2] for line in run("find", name, "-type", "f").text.splitlines()}
        ok(got == files, f"{name} has what belongs to it", got)
        check(name, kind)
    expect("read-only", 0, *AT, "mount", "--idmap", "-o", "ro", "root.img", "point", message="^$")
    for path in ("etc/new", "home/new", "home/data/new"):
        denied(f"nothing is written to {path}", errno.EROFS, write, f"point/{path}", b"")
    expect("and unmounted", 0, "umount", "point", message="^$")
    expect("a directory that is missing", 1, "--at", "/missing=home.img", "mount", "root.img", "point", message="no such directory; make it")
    ok(not os.path.ismount("point"), "mounts nothing")
    harness.done()


main()
