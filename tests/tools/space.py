#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""df and info: space as the host's df tells it, and the whole stack of an image. Argument: file system, "-root"."""

import os
import re
import shutil
import struct
import sys
import uuid

import harness
import trees
from harness import digest, expect, ok, parsed, run, tool

START = 16 << 20
SIZE = 320 << 20


def like_the_host(kind, image):
    shutil.copy(image, "copy.img")
    os.mkdir("mnt")
    made = tool("mount", "-o", "loop,ro", "copy.img", "mnt")
    if not ok(made.returncode == 0, "mounted by the host", made.stdout):
        return
    try:
        for options in ((), ("-h",), ("-i",)):
            mine = run("df", *options, image).text.split("\n")[1].split()
            host = tool("df", *options, "mnt").stdout.split("\n")[1].split()
            # What of its free space Btrfs calls available changes from kernel to kernel.
            last = 4 if kind == "btrfs" else 6
            ok(mine[0] == image and mine[1] == kind and mine[2:last] == host[1:last - 1], f"df {' '.join(options)}", f"{mine}\n{host}")
    finally:
        tool("umount", "mnt")


def place(target, source, offset):
    with open(source, "rb") as data, open(target, "r+b") as file:
        file.seek(offset)
        shutil.copyfileobj(data, file, 1 << 20)


def parted_gpt(kind, image):
    harness.gpt("gpt.img", 400 << 20, [(8 << 20, 8 << 20, "boot", "00000000-0000-0000-0000-000000000001"),
                                       (START, SIZE, "my \x1bdata", "12345678-1234-1234-1234-123456789ABC")])
    place("gpt.img", image, START)
    told = parsed("info", "--json", "gpt.img")
    ok(told["partition_table"] == "gpt" and told["size"] == 400 << 20 and told["image"] == "gpt.img", "info tells the table", told)
    one, two = told["places"]
    ok(one["number"] == 1 and not one["mounted"] and "file_system" not in one and one["size"] == 8 << 20, "an empty partition", one)
    ok(two["offset"] == START and two["size"] == SIZE and two["file_system"] == kind and two["mounted"] and
       two["partition_name"] == "my \x1bdata" and two["partition_uuid"] == "12345678-1234-1234-1234-123456789abc" and
       0 < two["used"] < two["total"] <= SIZE, "and one with a file system", two)
    ok(two["uuid"] == blkid(image, "UUID") and two["label"] == "the label", "with what blkid(8) finds", two)
    text = run("info", "gpt.img").text
    ok(re.search(rf"\n2 +16.0 MiB +320 MiB .* {kind} +the label +my \?data +Linux +[0-9a-f-]+\n", text), "for people, too", text)
    text = run("info", "-p", "2", "gpt.img").text
    ok("Partition:        2, 320 MiB at 16777216, Linux, name my ?data" in text and "Space:" in text, "one of them", text)
    told = parsed("df", "--json", "gpt.img")
    ok([(t["partition"], t["mounted"]) for t in told] == [(1, False), (2, True)] and told[1]["used"] == two["used"], "df agrees", told)
    ok(len(run("df", "-p", "2", "gpt.img").text.splitlines()) == 2, "df of one partition")


def parted_dos(kind, image):
    """Two primary partitions."""
    with open("dos.img", "wb") as file:
        file.truncate(400 << 20)
        file.seek(440)
        file.write(struct.pack("<IH", 0x12345678, 0))
        for first, size, kind_of in ((2048, 2048, 0x0B), (START // 512, SIZE // 512, 0x83)):
            file.write(struct.pack("<BBBBBBBBII", 0, 0, 0, 0, kind_of, 0, 0, 0, first, size))
        file.seek(510)
        file.write(b"\x55\xaa")
    place("dos.img", image, START)
    told = parsed("info", "--json", "dos.img")
    ok(told["partition_table"] == "dos" and [(p["number"], int(p["partition_type"], 16)) for p in told["places"]] ==
       [(1, 0x0B), (2, 0x83)], "info tells an MBR", told)
    ok(told["places"][1]["file_system"] == kind and told["places"][1]["mounted"], "with a file system", told)
    text = run("info", "dos.img").text
    ok(" FAT32 " in text and " Linux " in text, "and names of types", text)


def parted_components(kind, image):
    """Partitions whose drivers are components: none of them is in the kernel image."""
    kinds = [("vfat", ["/usr/sbin/mkfs.vfat"], 8), ("exfat", ["/usr/sbin/mkfs.exfat"], 8), ("minix", ["/usr/sbin/mkfs.minix"], 8),
             ("f2fs", ["/usr/sbin/mkfs.f2fs", "-q"], 64)]
    start, places = 1, []
    for _, _, size in kinds:
        places.append((start << 20, size << 20))
        start += size
    harness.gpt("many.img", (start + 1) << 20, [(at, size, name[0], str(uuid.UUID(int=at))) for name, (at, size) in zip(kinds, places)])
    for (name, mkfs, _), (at, size) in zip(kinds, places):
        trees.write("part", b"")
        os.truncate("part", size)
        made = tool(*mkfs, "part")
        ok(made.returncode == 0, f"mkfs.{name}", made.stdout)
        place("many.img", "part", at)
    told = parsed("info", "--json", "many.img")["places"]
    ok([(t.get("file_system"), t["mounted"]) for t in told] == [(name, True) for name, _, _ in kinds], "info loads what partitions need", told)
    ok(all(0 < t["total"] <= t["size"] for t in told), "and tells their space", told)
    told = parsed("df", "--json", "many.img", image)
    ok([t["type"] for t in told if t["mounted"]] == [name for name, _, _ in kinds] + [kind], "df, too, of two images", told)


def blkid(image, name):
    return tool("/usr/sbin/blkid", "-p", "-o", "value", "-s", name, image).stdout.strip()


def alone(kind, image):
    told = parsed("info", "--json", image)
    ok(told["format"] == "raw" and len(told["places"]) == 1 and "number" not in told["places"][0], "info of a file system", told)
    ok(told["places"][0]["file_system"] == kind and told["places"][0]["label"] == "the label", "with type and label", told)
    ok(told["kernel"].startswith("Linux ") and "seccomp" in told["sandbox"], "and by what means", told)
    expect("df of nothing", 2, "df", message="the space of which image")
    trees.write("junk", b"x" * 65536)
    result = expect("df of junk and an image", 1, "df", "junk", image, message="junk: no file system is recognised")
    ok(len(result.text.splitlines()) == 2 and image in result.text, "the image is told", result)
    expect("info of junk", 1, "info", "junk", message="junk: no file system is recognised")
    expect("a partition that is not there", 1, "df", "-p", "7", "gpt.img", message='no partition "7"')


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    trees.make("tree")
    image = harness.mkfs("disk.img", kind, SIZE, "-L", "the label")
    expect(f"{kind}: a tree", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    sums = digest(image)
    if who == "root":
        like_the_host(kind, image)
    else:
        parted_gpt(kind, image)
        parted_dos(kind, image)
        parted_components(kind, image)
        alone(kind, image)
    ok(digest(image) == sums, f"{kind}: looking changed not one byte")
    harness.done()


main()
