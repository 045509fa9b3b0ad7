#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Images of disks whose sectors are larger than 512 bytes: their GPT counts in these, and file systems must, too."""

import os
import re
import shutil
import struct
import sys

import harness
import kinds
import trees
from harness import check, digest, expect, ok, parsed, tool

MIB = 1 << 20
UUID = "00000000-0000-0000-0000-%012d"
# First byte, bytes, name
EXT4, FAT, EMPTY = (MIB, 64 * MIB, "linux"), (72 * MIB, 288 * MIB, "fat"), (368 * MIB, 4 * MIB, "empty")
SIZE = 376 * MIB


def put(image, at, source):
    tool("dd", f"if={source}", f"of={image}", "bs=1M", f"seek={at // MIB}", "conv=notrunc,sparse", "status=none")


def take(image, part, name):
    tool("dd", f"if={image}", f"of={name}", "bs=1M", f"skip={part[0] // MIB}", f"count={part[1] // MIB}", "conv=sparse", "status=none")
    return name


def fat(name, sector, size=FAT[1]):
    with open(name, "wb") as file:
        file.truncate(size)
    made = tool("/usr/sbin/mkfs.vfat", "-S", str(sector), name)
    ok(made.returncode == 0, f"mkfs.vfat, sectors of {sector}", made.stdout)
    return name


def make(name, sector):
    harness.gpt(name, SIZE, [(*part, UUID % number) for number, part in enumerate((EXT4, FAT, EMPTY), 1)], sector)
    put(name, EXT4[0], harness.mkfs("part.img", "ext4", EXT4[1], "-b", "4096"))
    put(name, FAT[0], fat("part.img", sector))
    return name


def seen(image, sector):
    """info finds out by itself."""
    told = parsed("info", "--json", image)
    ok((told["partition_table"], told["sector_size"]) == ("gpt", sector), "a GPT, and what it counts in", told)
    places = [(p["offset"], p["size"], p["partition_name"], p.get("file_system"), p["mounted"]) for p in told["places"]]
    ok(places == [(*EXT4, "ext4", True), (*FAT, "vfat", True), (*EMPTY, None, False)], "its partitions", told)
    result = expect("for people", 0, "info", image, message="^$")
    ok(f"\nSector size:      {sector} bytes\n" in result.text, "too", result)
    ok([(p["partition"], p["mounted"]) for p in parsed("df", "--json", image)] == [(1, True), (2, True), (3, False)], "df, too")
    expect("none chosen", 1, "ls", image, message=r'choose one with -p: 1 \(ext4, 64.0 MiB, "linux"\), 2 \(vfat, 288 MiB, "fat"\)')


def used(image):
    """What is written is there for the file systems' own programs, and nothing beside it has changed."""
    before = digest(take(image, EMPTY, "empty.img"))
    for number in "1", "2":
        expect(f"a tree into partition {number}", 0, "-p", number, "cp", "-r", "plain", f"{image}:/", message="^$")
        expect("one more change", 0, "mv", "-p", number, f"{image}:/plain/text", f"{image}:/plain/moved", message="^$")
        expect("out of it", 0, "-p", number, "cp", "-r", f"{image}:/plain", f"out{number}", message="^$")
        for name, source in ("large", "large"), ("moved", "text"):
            ok(digest(f"out{number}/{name}") == digest(f"plain/{source}"), f"{source} is the same")
        shutil.rmtree(f"out{number}")
        expect("every byte can be read", 0, "-p", number, "check", image, message="^$")
    linux, dos = take(image, EXT4, "linux.img"), take(image, FAT, "fat.img")
    check(linux, "ext4")
    tool("/usr/sbin/debugfs", "-R", "dump /plain/large dumped", linux)
    ok(digest("dumped") == digest("plain/large"), "debugfs finds the same in ext4")
    checked = tool("/usr/sbin/fsck.vfat", "-n", dos)
    ok(checked.returncode == 0, "fsck.vfat finds no error", checked.stdout)
    result = expect("FAT, alone in a file", 0, "cat", f"{dos}:/plain/large", message="^$")
    with open("plain/large", "rb") as file:
        ok(result.out == file.read(), "has the same")
    ok(digest(take(image, EMPTY, "empty.img")) == before, "the empty partition has not changed")


def of_smaller(image):
    """As on such a disk: the driver of FAT cannot read parts of its sectors, and says so."""
    shutil.copy(image, "smaller.img")
    put("smaller.img", FAT[0], fat("part.img", 512))
    expect("FAT of smaller sectors", 1, "ls", "-p", "2", "smaller.img", message="sector size too small for device")
    expect("the partition beside it", 0, "ls", "-p", "1", "smaller.img", message="^$")


def blocks(image):
    """ext4 of smaller blocks: what helps is a command that can be used as it stands."""
    shutil.copy(image, "blocks.img")
    put("blocks.img", EXT4[0], harness.mkfs("part.img", "ext4", EXT4[1], "-b", "1024"))
    os.unlink("part.img")
    result = expect("blocks of 1024 bytes on sectors of 4096", 1, "ls", "blocks.img@linux",
                    message="blocks.img@linux: its ext4 has blocks of 1024 bytes, smaller than the sectors of its disk, which have 4096; .*: dd ")
    told = re.search(r"(dd [^;]*);", result.err)
    if ok(told, "the remedy is a command", result):
        tool(*told.group(1).split())
        expect("it helps", 0, "ls", "part.img", message="^$")
    expect("where the sectors are a wish", 1, "ls", "--sector", "4096", "part.img",
           message="part.img: its ext4 has blocks of 1024 bytes, which cannot be .* leave out --sector 4096")


def mbr(image):
    """Nothing in such a table tells what it counts in: it is said, for any subcommand."""
    shutil.copy(image, "mbr.img")
    with open("mbr.img", "r+b") as file:
        file.write(b"\0" * MIB)
        file.seek(446)
        for kind, part in (0x83, EXT4), (0x0C, FAT):
            file.write(struct.pack("<B3xB3xII", 0, kind, part[0] // 4096, part[1] // 4096))
        file.write(b"\0" * 32 + b"\x55\xaa")
        file.seek(SIZE - MIB)
        file.write(b"\0" * MIB)
    expect("taken for one of 512 bytes", 1, "ls", "mbr.img@1", message="mbr.img@1: ")
    told = parsed("info", "--sector", "4096", "--json", "mbr.img")
    ok((told["partition_table"], told["sector_size"]) == ("dos", 4096), "an MBR, and what it counts in", told)
    ok([(p["offset"], p["size"], p.get("file_system"), p["mounted"]) for p in told["places"]] ==
       [(*EXT4[:2], "ext4", True), (*FAT[:2], "vfat", True)], "its partitions", told)
    expect("from one to the other", 0, "--sector", "4096", "cp", "-r", "mbr.img@1:/plain", "mbr.img@2:/copied", message="^$")
    expect("they are alike", 0, "diff", "--sector=4096", "--contents", "mbr.img@1:/plain", "mbr.img@2:/copied", message="^$")
    expect("a shell", 0, "sh", "--sector", "4096", "-c", "ls plain", "mbr.img@1")
    expect("in it, that is settled", 2, "sh", "--sector", "4096", "-c", "ls --sector 512", "mbr.img@1", message="--sector is given when the shell is started")
    for wrong in "", "0", "4097", "8192", "4k", "-512":
        expect(f"sectors of {wrong!r}", 2, "ls", f"--sector={wrong}", "mbr.img@1", message=f'sectors of "{wrong}" bytes: give 512, 1024, 2048 or 4096')
    expect("the wish counts, whatever a GPT says", 1, "ls", "--sector", "512", f"{image}@1", message=f"{image}@1: ")


def misleading(image):
    """The header of a GPT counts where a table protects it, and the one of the smallest sectors is its own."""
    fat("stale.img", 512, 16 * MIB)
    with open("stale.img", "r+b") as file:
        file.seek(4096)
        file.write(b"EFI PART")
    result = expect("FAT where a GPT once was", 0, "info", "stale.img", message="^$")
    ok("vfat" in result.text and "Partition table" not in result.text, "is no GPT", result)
    expect("and can be used", 0, "ls", "stale.img", message="^$")
    with open(image, "r+b") as file:
        file.seek(4096)
        file.write(b"EFI PART")  # in its eighth sector, among the entries
    told = parsed("info", "--json", image)
    ok(told["sector_size"] == 512 and len(told["places"]) == 3, "a GPT of 512 bytes stays one", told)
    with open("far.img", "wb") as file:
        file.write(b"\0" * 446 + struct.pack("<B3xB3xII", 0, 0xEE, 1, 7) + b"\0" * 48 + b"\x55\xaa")
        file.seek(4096)
        file.write(b"EFI PART" + b"\xff" * 84)
    expect("a header of nonsense", 1, "info", "far.img", message="far.img: no file system is recognised")
    os.truncate("far.img", 4100)
    expect("one that is cut off", 1, "ls", "far.img", message="far.img: ")


def damaged(image):
    """A first header that is none any more: the other one tells what was there, but the kernel takes nothing from it."""
    for sector in 512, 4096:
        shutil.copy(image[sector], "damaged.img")
        with open("damaged.img", "r+b") as file:
            file.seek(sector)
            file.write(b"\0" * 512)
        told = parsed("info", "--json", "damaged.img")
        ok(told["sector_size"] == sector and [(p["offset"], p["mounted"]) for p in told["places"]] ==
           [(part[0], False) for part in (EXT4, FAT, EMPTY)], f"damaged, sectors of {sector}: what the table has", told)
        expect("its partitions", 1, "ls", "-p", "linux", "damaged.img",
               message="damaged.img: its partition table is damaged: the kernel finds no partition linux there; repair")


def loop_device(image):
    """The host's disk of such sectors: its own count, which an MBR has no other sign of."""
    loop = tool("losetup", "-b", "4096", "-f", "--show", image).stdout.strip()
    if not ok(loop.startswith("/dev/"), "a loop device of such sectors", loop):
        return
    try:
        seen(loop, 4096)
        expect("writing to it", 0, "-p", "1", "mkdir", f"{loop}:/directory", message="^$")
    finally:
        tool("losetup", "-d", loop)
    check(take(image, EXT4, "linux.img"), "ext4")
    with open(image, "r+b") as file:
        file.write(b"\0" * 8192)
        file.seek(446)
        file.write(struct.pack("<B3xB3xII", 0, 0x83, EXT4[0] // 4096, EXT4[1] // 4096) + b"\0" * 48 + b"\x55\xaa")
    loop = tool("losetup", "-b", "4096", "-f", "--show", image).stdout.strip()
    try:
        told = parsed("info", "--json", loop)
        ok((told["partition_table"], told["sector_size"]) == ("dos", 4096) and told["places"][0]["offset"] == EXT4[0], "an MBR there", told)
        result = expect("its partition", 0, "ls", "-p", "1", loop, message="^$")
        ok("directory" in result.text.split(), "has what it should", result)
        expect("smaller ones than it has", 1, "ls", "--sector", "512", "-p", "1", loop, message="has sectors of 4096 bytes; leave out --sector 512")
    finally:
        tool("losetup", "-d", loop)


def main():
    as_root = sys.argv[1:] == ["root"]
    harness.start(as_root=as_root)
    kinds.find_programs()
    image = make("large.img", 4096)
    if as_root:
        loop_device(image)
        harness.done()
    os.mkdir("plain")
    trees.write("plain/large", os.urandom(3 * MIB + 123))
    trees.write("plain/text", b"text\n")
    seen(image, 4096)
    used(image)
    seen(make("small.img", 512), 512)
    of_smaller(image)
    seen(make("middle.img", 2048), 2048)
    blocks(image)
    mbr(image)
    damaged({4096: image, 512: "small.img"})
    misleading("small.img")
    harness.done()


main()
