#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Structures that lead astray, which damage at random hardly makes: each command on them ends with an answer."""

import os
import re
import struct

import bounded
import checksums
import harness
import kinds
from harness import ok, run

LEVELS = 40  # of directories, each with two names for the next: 2^40 paths
CONTENT = 100000  # bytes
SEGMENT = 2 << 20  # of F2FS, in bytes


class Image:
    """What checksums.repair() takes: an image in memory, with the numbers of pages that were changed."""

    def __init__(self, path):
        self.path = path
        self.pages = set()
        with open(path, "rb") as file:
            self.data = bytearray(file.read())

    def read(self, offset, length):
        return bytes(self.data[offset:offset + length])

    def write(self, offset, data):
        self.data[offset:offset + len(data)] = data
        self.pages |= set(range(offset // checksums.PAGE, (offset + len(data) - 1) // checksums.PAGE + 1))

    def find(self, data):
        return [found.start() for found in re.finditer(re.escape(data), self.data)]

    def save(self, kind=None):
        if kind:
            checksums.repair(kind, self)
        with open(self.path, "wb") as file:
            file.write(self.data)


def judge(name, image, codes=(1,), told=""):
    """All that walks a tree or reads it. @codes: of check, which has to say @told (a regular expression)"""
    os.mkdir("out")
    for words in (["ls", "-lR", image], ["du", image], ["find", image], ["cp", "-r", f"{image}:/.", "out"],
                  ["tar", "-f", "out.tar", image]):
        result = bounded.run(*words)
        ok(not result.wrong((0, 1, 3)) and len(result.out) < 1 << 20, f"{name}: {words[0]} ends", f"{result.wrong((0, 1, 3))}: {result}")
    result = bounded.run("check", image)
    ok(not result.wrong(codes) and re.search(told, result.err), f"{name}: check says so", f"{result.wrong(codes)}: {result}")
    harness.tool("chmod", "-R", "u+rwx", "out")
    harness.tool("rm", "-rf", "out", "out.tar")


def fill(image):
    """The tree that most are made of."""
    os.makedirs("tree/dir/sub")
    for name in ("one", "two", "dir/sub/three"):
        kinds.write(f"tree/{name}", os.urandom(CONTENT))
    result = run("cp", "-r", "tree/.", f"{image}:/")
    harness.tool("rm", "-r", "tree")
    if result.code:
        raise RuntimeError(str(result))


def debugfs(image, *commands):
    kinds.write("commands", "".join(f"{command}\n" for command in commands).encode())
    harness.tool("debugfs", "-w", "-f", "commands", image)


def ext4(*options):
    return harness.mkfs("crafted.img", "ext4", 64 << 20, "-b", "4096", *options)


def ext4_directories():
    image = ext4()
    commands = [f"mkdir /{i}" for i in range(LEVELS + 1)]
    commands += [f"link /{i + 1} /{i}/{name}" for i in range(LEVELS) for name in "ab"]
    debugfs(image, *commands, *[f"unlink /{i + 1}" for i in range(LEVELS)])
    judge("ext4: 2^40 paths", image, told="found before")
    image = ext4()
    fill(image)
    debugfs(image, "link /dir /dir/sub/up", "link /dir /dir/self", "link <2> /dir/root")
    judge("ext4: directories in themselves", image)
    image = ext4()
    fill(image)
    debugfs(image, *[f"link <{number}> /dir/reserved{number}" for number in (1, 3, 4, 5, 6, 7, 8, 9, 10)],
            "link <16000> /dir/free", "link <999999999> /dir/none")
    judge("ext4: names of inodes that are no files", image)


def ext4_extents():
    image = ext4("-O", "^metadata_csum,^has_journal")
    fill(image)
    data = Image(image)
    inode, = [place for place in data.find(struct.pack("<I", CONTENT)) if data.read(place + 36, 2) == b"\x0a\xf3"][:1]
    block = struct.unpack("<I", data.read(inode + 36 + 20, 4))[0]
    # An index that leads to a block which leads to itself; and one where all ways of four levels lead to the same blocks.
    data.write(inode + 36, struct.pack("<HHHHI", 0xF30A, 1, 4, 5, 0) + struct.pack("<IIHH", 0, block, 0, 0))
    data.write(inode, struct.pack("<I", 0xFFFFFFFF))
    data.write(block * 4096, struct.pack("<HHHHI", 0xF30A, 340, 340, 4, 0)
               + b"".join(struct.pack("<IIHH", i << 20, block, 0, 0) for i in range(340)))
    data.save()
    judge("ext4: a tree of extents that leads to itself", image)
    ways = [block + level for level in range(5)]
    for level, here in enumerate(ways):
        entries = b"".join(struct.pack("<IIHH", i << (4 * (4 - level)), ways[min(level + 1, 4)], 0, 0) for i in range(340))
        if level == 4:
            entries = b"".join(struct.pack("<IHHI", i, 1, 0, block) for i in range(340))
        data.write(here * 4096, struct.pack("<HHHHI", 0xF30A, 340, 340, 4 - level, 0) + entries)
    data.save()
    judge("ext4: a tree of extents whose ways all lead to the same", image, codes=(0, 1))


def ext4_attributes():
    image = ext4("-O", "^metadata_csum,^has_journal", "-I", "128")
    fill(image)
    ok(run("setfattr", "-n", "user.name", "-v", "a value of it", f"{image}:/one").code == 0, "an attribute is set")
    data = Image(image)
    block, = data.find(struct.pack("<IIII", 0xEA020000, 1, 1, 0)[:12])
    for name, at, changed in (("a size beyond its block", 32 + 8, struct.pack("<I", 0x7FFFFFFF)),
                              ("names that have no end", 32, b"\xff" * 4000)):
        data.write(block + at, changed)
        data.save()
        judge(f"ext4: attributes: {name}", image)


def ext4_journal():
    """A journal that writes over the superblock; and one that is where the superblock is."""
    image = ext4()
    fill(image)
    kinds.write("junk", bytes(range(256)) * 16)
    debugfs(image, "jo", "jw -b 0 junk", "jc")
    judge("ext4: a journal that replaces the superblock", image)
    image = ext4("-O", "^metadata_csum")
    fill(image)
    debugfs(image, "sif <8> block[5] 0")
    judge("ext4: a journal at the superblock", image)


def xfs_db(image, *commands):
    words = [word for command in commands for word in ("-c", command)]
    done = harness.tool("xfs_db", "-x", *words, image)
    if done.returncode:
        raise RuntimeError(done.stdout)


def number_of(image, path):
    return int(re.search(rb"Inode: (\d+)", run("stat", f"{image}:{path}").out).group(1))


def xfs():
    image = harness.mkfs("crafted.img", "xfs", 300 << 20)
    fill(image)
    one, two, directory = (number_of(image, path) for path in ("/one", "/two", "/dir"))
    for name, number in (("itself", directory), ("no inode", 0), ("the root", 128), ("what is beyond the end", 1 << 31)):
        xfs_db(image, f"inode {directory}", f"write -d u3.sfdir3.list[0].inumber.i4 {number}")
        judge(f"xfs: a directory that has {name}", image)
    image = harness.mkfs("crafted.img", "xfs", 300 << 20)
    fill(image)
    xfs_db(image, f"inode {two}", f"write -d next_unlinked {two}", "agi 0", f"write -d unlinked[{two % 64}] {two}")
    start = re.search(r"\[0,(\d+),", harness.tool("xfs_db", "-r", "-c", f"inode {one}", "-c", "p u3.bmx", image).stdout).group(1)
    xfs_db(image, f"inode {two}", f"write -d u3.bmx[0].startblock {start}")
    judge("xfs: unlinked files that have no end, and blocks of two files", image, codes=(0, 1))


def btrfs():
    image = harness.mkfs("crafted.img", "btrfs", 128 << 20)
    fill(image)
    number = number_of(image, "/dir")
    child = number_of(image, "/dir/sub")
    data = Image(image)
    # Locations in items of directories, which go on with transaction, lengths, kind and name
    keys = [place for place in data.find(struct.pack("<QBQ", child, 1, 0)) if data.read(place + 30, 3) == b"sub"]
    ok(keys, "btrfs: the entry is found")
    for place in keys:
        data.write(place, struct.pack("<QBQ", number, 1, 0))
    data.save("btrfs")
    judge("btrfs: a directory in itself", image)
    for place in keys:
        data.write(place, struct.pack("<QBQ", 256, 1, 0))
    data.save("btrfs")
    judge("btrfs: the root in a directory", image)


def f2fs():
    """
    Pages of nodes have their number in a footer, at the end of 4 KiB; block addresses of an inode begin at 360, after what is
    remembered of an extent.
    """
    kinds.make("f2fs", "crafted.img")
    fill("crafted.img")
    one, two = number_of("crafted.img", "/one"), number_of("crafted.img", "/two")
    data = Image("crafted.img")

    def inodes(number):
        return [at for at in range(0, len(data.data), 4096)
                if data.read(at + 4072, 8) == struct.pack("<II", number, number)]

    ok(inodes(one) and inodes(two), "f2fs: the inodes are found")
    blocks = data.read(inodes(one)[-1] + 360, 4 * (CONTENT // 4096))
    for at in inodes(two):
        data.write(at + 348, bytes(12) + blocks)
    data.save("f2fs")
    judge("f2fs: blocks of two files", "crafted.img", codes=(0, 1))
    node = inodes(one)[-1] // 4096
    for name, block, codes in (("its own inode", node, (0, 1)), ("a hole", 0, (0,)), ("the checkpoint", 512, (1,)),
                               ("what is beyond the end", 1 << 28, (1,))):
        for at in inodes(two):
            data.write(at + 360, struct.pack("<I", block))
        data.save("f2fs")
        judge(f"f2fs: a file that has {name}", "crafted.img", codes=codes, told="two: " if 0 not in codes else "")


def is_checkpoint(image, at):
    """By where its checksum is."""
    page = image.read(at, 4096)
    return struct.unpack_from("<I", page, 164)[0] == 4092 and 0 < struct.unpack_from("<Q", page, 0)[0] < 1 << 32


def f2fs_checkpoint():
    """Fields of the checkpoint, with its checksum right: segments that do not exist, and counts that cannot be."""
    kinds.make("f2fs", "crafted.img")
    fill("crafted.img")
    original = Image("crafted.img")
    packs = [at for at in range(0, 4 * SEGMENT, 4096) if is_checkpoint(original, at)]
    ok(len(packs) >= 2, "f2fs: checkpoints are found", packs)
    for name, offset, value in (("segment of nodes", 36, b"\xff\xff\xff\x7f"), ("offset in it", 68, b"\xff\xff"),
                                ("blocks of a pack", 136, b"\xff\xff\xff\x7f"), ("start of the summary", 140, b"\xff\xff\xff\x7f"),
                                ("next node", 152, b"\xff\xff\xff\x7f"), ("bitmap", 156, b"\xff\xff\xff\x7f")):
        data = Image("crafted.img")
        for at in packs:
            data.write(at + offset, value)
        data.save("f2fs")
        judge(f"f2fs: checkpoint: {name}", "crafted.img", codes=(0, 1))
        original.save()


def fat():
    """Clusters that lead to themselves, and a directory whose entry leads to its own."""
    kinds.make("vfat", "crafted.img", "-F", "16", "-s", "4")
    fill("crafted.img")
    data = Image("crafted.img")
    reserved, fats, entries, size = (struct.unpack_from(f"<{form}", data.data, at)[0]
                                     for form, at in (("H", 14), ("B", 16), ("H", 17), ("H", 22)))
    root = (reserved + fats * size) * 512

    def entry(place, name):
        return place + data.data[place:place + 65536].index(name.ljust(11))

    def cluster(place):
        return struct.unpack_from("<H", data.data, place + 26)[0]

    def start(number):
        return root + entries * 32 + (number - 2) * 2048

    directory = entry(root, b"DIR")
    child = entry(start(cluster(directory)), b"SUB")
    data.write(child + 26, struct.pack("<H", cluster(directory)))
    data.save()
    judge("fat: a directory in itself", "crafted.img", codes=(0, 1))
    for name, number in (("file", cluster(entry(root, b"ONE"))), ("directory", cluster(directory))):
        for copy in range(fats):
            data.write((reserved + copy * size) * 512 + 2 * number, struct.pack("<H", number))
        data.save()
        judge(f"fat: clusters of a {name} that have no end", "crafted.img", codes=(0, 1))


CRAFTS = (ext4_directories, ext4_extents, ext4_attributes, ext4_journal, xfs, btrfs, f2fs, f2fs_checkpoint, fat)


def main():
    harness.start()
    kinds.find_programs()
    for craft in CRAFTS:
        craft()
    harness.done()


if __name__ == "__main__":
    main()
