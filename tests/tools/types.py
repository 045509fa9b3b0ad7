#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""File systems that are components: found in an image, loaded, written, read. Argument: the name of a row below."""

import os
import random
import sys

import harness
from harness import expect, ok, run, tool

MIB = 1 << 20

# name: (bytes, how to make it, how to check it or None, type that rumpus finds)
WRITABLE = {
    "ext2": (64 * MIB, ["mkfs.ext2", "-q", "-F"], ["e2fsck", "-fn"], "ext2"),
    "ext3": (64 * MIB, ["mkfs.ext3", "-q", "-F"], ["e2fsck", "-fn"], "ext3"),
    "f2fs": (128 * MIB, ["mkfs.f2fs", "-q"], ["fsck.f2fs", "--dry-run"], "f2fs"),
    "vfat": (64 * MIB, ["mkfs.vfat"], ["fsck.vfat", "-n"], "vfat"),
    "exfat": (64 * MIB, ["mkfs.exfat"], ["fsck.exfat", "-n"], "exfat"),
    "ntfs": (64 * MIB, ["mkntfs", "-F", "-q", "-Q"], ["ntfsfix", "--no-action"], "ntfs3"),
    "minix": (32 * MIB, ["mkfs.minix", "-3"], ["fsck.minix", "-f"], "minix"),
    "nilfs2": (192 * MIB, ["mkfs.nilfs2", "-q"], None, "nilfs2"),
    "jfs": (32 * MIB, ["mkfs.jfs", "-q"], ["fsck.jfs", "-n", "-f"], "jfs"),
    "hfs": (32 * MIB, ["hformat"], None, "hfs"),
    "udf": (64 * MIB, ["mkudffs", "--utf8"], None, "udf"),
}
# name: (how to make IMAGE of the directory "tree", type that rumpus finds)
READABLE = {
    **{f"squashfs-{c}": (["mksquashfs", "tree", "IMAGE", "-quiet", "-no-progress", "-comp", c], "squashfs")
       for c in ("gzip", "lzo", "lz4", "xz", "zstd")},
    "erofs": (["mkfs.erofs", "IMAGE", "tree"], "erofs"),
    "erofs-lz4hc": (["mkfs.erofs", "-zlz4hc", "IMAGE", "tree"], "erofs"),
    "iso9660-rock": (["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", "IMAGE", "tree"], "iso9660"),
    "iso9660-joliet": (["xorriso", "-as", "mkisofs", "-quiet", "-J", "-joliet-long", "-o", "IMAGE", "tree"], "iso9660"),
    "romfs": (["genromfs", "-d", "tree", "-f", "IMAGE"], "romfs"),
    "cramfs": (["mkfs.cramfs", "tree", "IMAGE"], "cramfs"),
    # UFS2 as Debian's makefs writes it, with its superblock at 8 KiB, is nothing that the driver reads.
    "ufs1": (["makefs", "-t", "ffs", "-o", "version=1", "IMAGE", "tree"], "ufs"),
}


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def make_tree():
    """Names and contents that every one of them can hold."""
    source = random.Random(18)
    os.makedirs("tree/dir/deeper")
    os.mkdir("tree/empty")
    for size in (0, 1, 511, 4096, 70000, 1 << 20):
        write(f"tree/size-{size}", source.randbytes(size))
    write("tree/same", bytes(300000))  # compresses
    write("tree/dir/name of 27 bytes, blanks", b"x")
    write("tree/dir/deeper/last.text", b"text\n" * 5000)
    for i in range(100):
        write(f"tree/dir/deeper/file-{i}", b"%d" % i)


def contents(root):
    found = {}
    for path, dirs, files in os.walk(root):
        for name in dirs:
            found[os.path.relpath(f"{path}/{name}", root)] = None
        for name in files:
            with open(f"{path}/{name}", "rb") as file:
                found[os.path.relpath(f"{path}/{name}", root)] = file.read()
    return found


def same(root, name):
    got, wanted = contents(root), contents("tree")
    ok(got == wanted, name, "\n".join(path for path in sorted({*got, *wanted}) if got.get(path, b"-") != wanted.get(path, b"-")))


def make(words):
    made = tool(*words)
    if made.returncode:
        print(f"Bail out! {words[0]}: {made.stdout}")
        sys.exit(1)


def found_type(name, kind):
    result = run("-v", "ls", "disk.img")
    ok(result.code == 0 and f" {kind}, found in" in result.err, f"{name}: found to be {kind}", result)


def writable(name):
    size, mkfs, check, kind = WRITABLE[name]
    with open("disk.img", "wb") as image:
        image.truncate(size)
    make([*mkfs, "disk.img"])
    found_type(name, kind)
    expect(f"{name}: copy a tree in", 0, "cp", "-r", "tree", "disk.img:/")
    os.mkdir("out")
    expect(f"{name}: copy it out", 0, "cp", "-r", "disk.img:/tree", "out")
    same("out/tree", f"{name}: what comes out is what went in")
    expect(f"{name}: make a directory", 0, "mkdir", "disk.img:/new")
    expect(f"{name}: remove a file", 0, "rm", "disk.img:/tree/size-4096")
    listed = run("ls", "disk.img", "disk.img:/tree").text
    ok("new" in listed and "size-4096" not in listed and "size-70000" in listed, f"{name}: both are seen", listed)
    if check:
        checked = tool(*check, "disk.img")
        ok(checked.returncode == 0, f"{name}: {check[0]} finds no error", checked.stdout)


def readable(name):
    words, kind = READABLE[name]
    make([word.replace("IMAGE", "disk.img") for word in words])
    before = harness.digest("disk.img")
    found_type(name, kind)
    os.mkdir("out")
    expect(f"{name}: copy all out", 0, "cp", "-r", "disk.img:/.", "out")
    same("out", f"{name}: it is what went in")
    result = run("cat", "disk.img:/dir/deeper/last.text")
    ok(result.out == b"text\n" * 5000, f"{name}: cat", result)
    expect(f"{name}: writing is refused", 1, "mkdir", "disk.img:/new", message="disk.img")
    ok(harness.digest("disk.img") == before, f"{name}: not one byte of the image has changed")


def main():
    harness.start()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.environ["HOME"] = os.getcwd()  # hformat keeps notes there
    make_tree()
    if sys.argv[1] in WRITABLE:
        writable(sys.argv[1])
    else:
        readable(sys.argv[1])
    harness.done()


main()
