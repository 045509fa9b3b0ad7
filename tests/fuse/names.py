#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Names of more than 255 bytes through a mount. Argument: a file system that has them."""

import errno
import os
import sys

import mounting
import harness
import kinds
from harness import expect, ok

UTF8 = {"vfat": ("-o", "utf8"), "exfat": ("-o", "iocharset=utf8"), "ntfs": ("-o", "iocharset=utf8")}
LONGEST = "\u4e2d" * 255
NAMES = [LONGEST, "\u4e2d" * 254 + "\u6587", "\u00e9" * 200, "short"]


def seen():
    """What is in the image can be used as any other name."""
    ok(sorted(os.listdir("m")) == sorted(NAMES), "all are listed", os.listdir("m"))
    for name in NAMES:
        ok(mounting.read(f"m/{name}") == b"text\n", f"{len(name.encode())} bytes: read")
    listed = harness.tool("ls", "-l", "m")
    ok(listed.returncode == 0 and len(listed.stdout.splitlines()) == 5, "ls, too", listed.stdout)


def made():
    os.mkdir("m/" + "\u4e2d" * 250)
    inner = "m/" + "\u4e2d" * 250 + "/" + LONGEST
    with open(inner, "w", encoding="utf-8") as file:
        file.write("inner")
    ok(mounting.read(inner) == b"inner", "one is made in a directory of such a name")
    os.rename(f"m/{LONGEST}", "m/" + "\u4e2d" * 253)
    os.unlink(f"m/{NAMES[1]}")
    ok(sorted(os.listdir("m")) == sorted([NAMES[2], "short", "\u4e2d" * 250, "\u4e2d" * 253]), "renamed and removed", os.listdir("m"))
    found = mounting.error_of(os.mkdir, "m/" + "a" * 256)
    ok(found == errno.ENAMETOOLONG, "more than 255 characters: the error says so", found)


def main():
    kind = sys.argv[1]
    mounting.start()
    kinds.find_programs()
    kinds.make(kind, "disk.img")
    kinds.write("text", b"text\n")
    for name in NAMES:
        expect(f"{len(name.encode())} bytes: into the image", 0, *UTF8[kind], "cp", "text", f"disk.img:/{name}", message="^$")
    os.mkdir("m")
    expect("mount", 0, "mount", "--idmap", *UTF8[kind], "disk.img", "m", message="^$")
    seen()
    made()
    expect("umount", 0, "umount", "m", message="^$")
    result = harness.tool(*kinds.WRITABLE[kind][2], "disk.img")
    ok(result.returncode == 0, f"{kinds.WRITABLE[kind][2][0]} finds no error", result.stdout)
    mounting.finish()


main()
