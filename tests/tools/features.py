#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Features that the kernel does not know are called what mkfs calls them; and what is missing of an image is told."""

import os
import struct

import checksums
import harness
import kinds
from harness import expect, ok, run, tool

MIB = 1 << 20
# Kind: where the superblock is, its size, where in it the features are and the checksum is, and the bytes that this leaves out
XFS = (0, 512, 216, 224, 0)
BTRFS = (64 << 10, 4096, 0xBC, 0, 32)


def set_features(path, layout, width, more):
    start, size, features, crc, skip = layout
    with open(path, "r+b") as image:
        image.seek(start)
        block = bytearray(image.read(size))
        struct.pack_into(width, block, features, struct.unpack_from(width, block, features)[0] | more)
        block[crc:crc + 4] = bytes(4)
        block[crc:crc + 4] = struct.pack("<I", checksums.crc32c(bytes(block[skip:])) ^ 0xFFFFFFFF)
        image.seek(start)
        image.write(block)


def check(name, path, message, code=1):
    before = harness.digest(path)
    expect(name, code, "ls", path, message=message)
    ok(harness.digest(path) == before, f"{name}: not one byte has changed")


def main():
    harness.start()
    kinds.find_programs()
    harness.mkfs("xfs.img", "xfs", 300 * MIB)
    set_features("xfs.img", XFS, ">I", 0x100)
    check("xfs", "xfs.img", "cannot be mounted as xfs: Linux 6[0-9.]* does not know its feature metadir; .* the kernel says: XFS")
    set_features("xfs.img", XFS, ">I", 0x80000200)
    check("several", "xfs.img", r"its features metadir, zoned, one without a name \(bit 31\);")
    harness.mkfs("btrfs.img", "btrfs", 128 * MIB)
    set_features("btrfs.img", BTRFS, "<Q", 0x2000)
    check("btrfs", "btrfs.img", "its feature extent-tree-v2; .* the kernel says: BTRFS")
    harness.mkfs("ext4.img", "ext4", 16 * MIB)
    tool("debugfs", "-w", "-R", "feature FEATURE_I12", "ext4.img")
    check("ext4", "ext4.img", "its feature dirdata; .* the kernel says: EXT4")
    harness.mkfs("ro.img", "ext4", 16 * MIB)
    tool("debugfs", "-w", "-R", "feature FEATURE_R11", "ro.img")
    check("what only keeps from writing", "ro.img", "^$", 0)
    expect("or from that", 1, "mkdir", "ro.img:/x", message="can only be mounted read-only as ext4: .* feature replica; ask for that")

    os.mkdir("tree")
    kinds.write("tree/file", os.urandom(100000))
    tool("mkfs.erofs", "erofs.img", "tree")
    check("nothing is missing", "erofs.img", "^$", 0)
    os.truncate("erofs.img", 16384)
    check("half of an image", "erofs.img", r"^rumpus: erofs.img: is cut off: it has 16384 of \d+ bytes\n$", 0)
    with open("part.img", "wb") as part, open("erofs.img", "rb") as whole:
        block = bytearray(whole.read(4096))
        struct.pack_into("<I", block, 1024 + 8, 0)  # no checksum
        struct.pack_into("<I", block, 1024 + 80, struct.unpack_from("<I", block, 1024 + 80)[0] | 8)
        struct.pack_into("<HH", block, 1024 + 86, 1, 13)  # a table of one more device, in the next slot of 128 bytes
        block[13 * 128:14 * 128] = bytes(64) + struct.pack("<II", 25, 1) + bytes(56)
        part.write(bytes(block))
    result = run("dmesg", "part.img")
    ok("part.img: has data in 1 other image; put them together, in that order: cat part.img OTHER" in result.err, "one of several images", result)
    harness.done()


main()
