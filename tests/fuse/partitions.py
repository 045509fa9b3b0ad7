#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mounts of partitions: what info shows can be mounted, by number, name and UUID, and nothing beside it is touched."""

import os

import mounting

import harness
from harness import expect, ok, parsed

MIB = 1 << 20
UUID = "6d9a1f0e-0000-4000-8000-%012d"
# Where each begins and ends, in MiB, what it is called and what it holds; xfs wants 300 MiB, btrfs 110.
PARTS = ((1, 33, "boot", "ext4"), (34, 354, "root, with data", "xfs"), (355, 515, "\u65e5\u672c", "btrfs"), (516, 520, "raw", None))


def place(image, at, source):
    """Copies what @source has at @at of @image, leaving holes."""
    done = harness.tool("dd", f"if={source}", f"of={image}", "bs=1M", f"seek={at}", "conv=notrunc,sparse", "status=none")
    if done.returncode:
        raise RuntimeError(done.stdout)


def make():
    harness.gpt("disk.img", 522 * MIB, [(start * MIB, (end - start) * MIB, name, UUID % i)
                                        for i, (start, end, name, _) in enumerate(PARTS)])
    for start, end, _, kind in PARTS:
        if kind:
            place("disk.img", start, harness.mkfs("part.img", kind, (end - start) * MIB))


def listed():
    """This test's mounts: those of other users are told of, too."""
    return [told for told in parsed("mounts", "--json") if told["image"].startswith(os.getcwd() + "/")]


def outside(number):
    """What lies beside a partition."""
    start, end = PARTS[number - 1][:2]
    with open("disk.img", "rb") as file:
        before = file.read(start * MIB)
        file.seek(end * MIB)
        return hash(before), hash(file.read())


def each():
    shown = [at for at in parsed("info", "--json", "disk.img")["places"] if at.get("file_system")]
    ok([at["file_system"] for at in shown] == ["ext4", "xfs", "btrfs"], "info shows three file systems", shown)
    for at in shown:
        number, kind = at["number"], at["file_system"]
        beside = outside(number)
        expect(f"partition {number}, {kind}", 0, "mount", "--idmap", "-p", str(number), "disk.img", "m", message="^$")
        with open("m/file", "w", encoding="utf-8") as file:
            file.write(kind)
        told = listed()
        ok([(t["partition"], t["type"], t["read_only"]) for t in told] == [(str(number), kind, False)], "mounts says which", told)
        expect("umount", 0, "umount", "m", message="^$")
        ok(outside(number) == beside, "nothing beside it has changed")
        copy = f"part{number}.img"
        start, end = PARTS[number - 1][:2]
        harness.tool("dd", "if=disk.img", f"of={copy}", "bs=1M", f"skip={start}", f"count={end - start}", "conv=sparse", "status=none")
        harness.check(copy, kind)


def named():
    for wish, kind in (("p1", "ext4"), ("root, with data", "xfs"), ("\u65e5\u672c", "btrfs"), ((UUID % 1).upper(), "xfs")):
        expect(f"-p {wish}", 0, "mount", "-p", wish, "-o", "ro", "disk.img", "m", message="^$")
        with open("m/file", encoding="utf-8") as file:
            ok(file.read() == kind, f"is {kind}")
        mounting.umount("m")
    expect("-o partition=, as in fstab", 0, "mount", "-o", "ro,partition=3,noatime", "disk.img", "m", message="^$")
    told = harness.run("mounts")
    ok("disk.img, partition 3, on" in told.text and ": btrfs, ro" in told.text, "mounts says so", told)
    mounting.umount("m")


def together():
    """Readers do not keep each other out; one that writes has the image to itself."""
    for number, point in ((1, "m"), (2, "other")):
        expect(f"partition {number} read-only", 0, "mount", "-o", "ro", "-p", str(number), "disk.img", point, message="^$")
    ok(mounting.read("m/file") == b"ext4" and mounting.read("other/file") == b"xfs", "two partitions at once")
    expect("a third one for writing", 1, "mount", "-o", "rw", "-p", "3", "disk.img", "third", message="disk.img: is in use by")
    expect("umount of both", 0, "umount", "m", "other", message="^$")


def large_sectors():
    """The image of a disk whose sectors have 4096 bytes, in which its table counts."""
    harness.gpt("large.img", 40 * MIB, [(MIB, 32 * MIB, "data", UUID % 9)], 4096)
    place("large.img", 1, harness.mkfs("part.img", "ext4", 32 * MIB, "-b", "4096"))
    for text in "first", "second":
        expect(f"sectors of 4096 bytes, {text} mount", 0, "mount", "--idmap", "-p", "data", "large.img", "m", message="^$")
        if text == "second":
            ok(mounting.read("m/file") == b"first", "what was written is there")
        with open("m/file", "w", encoding="utf-8") as file:
            file.write(text)
        expect("umount", 0, "umount", "m", message="^$")
    for words in ["large.img@data"], ["-o", "ro,partition=1,sector=4096", "large.img"]:
        expect(f"as {' '.join(words)}", 0, "mount", "--idmap", *words, "m", message="^$")
        ok(mounting.read("m/file") == b"second", "is the same")
        expect("umount", 0, "umount", "m", message="^$")
    harness.tool("dd", "if=large.img", "of=part.img", "bs=1M", "skip=1", "count=32", "conv=sparse", "status=none")
    harness.check("part.img", "ext4")


def wrong():
    expect("none chosen", 1, "mount", "disk.img", "m", message=r'choose one with -p: 1 \(ext4, 32.0 MiB, "boot"\), 2 ')
    expect("one that is not there", 1, "mount", "-p", "9", "disk.img", "m", message='has no partition "9"')
    expect("one without a file system", 1, "mount", "-p", "4", "disk.img", "m", message="no file system is recognised")
    expect("an empty name", 2, "mount", "-o", "partition=", "disk.img", "m", message="give a number, a name or a UUID")
    expect("sectors of no size", 2, "mount", "-o", "sector=4095", "disk.img", "m", message='sectors of "4095" bytes: give 512')
    expect("of an image without any", 1, "mount", "-o", "partition=1", "part1.img", "m", message="has no partition table")
    os.truncate("disk.img", 300 * MIB)
    expect("one that reaches beyond the end", 1, "mount", "-p", "2", "disk.img", "m", message="disk.img: ")
    ok(not mounting.mounted("m"), "nothing is mounted")


def main():
    mounting.start()
    for point in ("m", "other", "third"):
        os.mkdir(point)
    make()
    for part in (each, named, together, large_sectors, wrong):
        part()
    ok(listed() == [], "mounts --json has none of them any more")
    mounting.finish()


main()
