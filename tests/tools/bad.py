#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Images of the future, tables of partitions that make no sense, hosts that run full, descriptors that are not there."""

import sys

import json
import os
import resource
import shutil
import signal
import struct
import subprocess

import bounded
import checksums
import harness
from harness import check, expect, ok, run

MIB = 1 << 20
SECTORS = 64 * MIB // 512


def patch(image, offset, data):
    with open(image, "r+b") as file:
        file.seek(offset)
        file.write(data)


def features():
    """A feature that no kernel knows yet: its bit is in the message."""
    image = harness.mkfs("future.img", "ext4", 64 * MIB, "-O", "^metadata_csum")
    with open(image, "rb") as file:
        incompatible = int.from_bytes(file.read(1024 + 0x64)[-4:], "little")
    patch(image, 1024 + 0x60, struct.pack("<I", incompatible | 0x40000000))
    expect("ext4 with an unknown feature", 1, "ls", image, message="future.img: .*unsupported.*40000000")
    image = harness.mkfs("future.img", "btrfs", 128 * MIB)
    with open(image, "rb") as file:
        superblock = bytearray(file.read(0x11000)[0x10000:])
    superblock[0xBC:0xC4] = struct.pack("<Q", 1 << 40)
    superblock[:4] = struct.pack("<I", checksums.crc32c(superblock[32:]) ^ 0xFFFFFFFF)
    patch(image, 0x10000, superblock)
    expect("Btrfs with an unknown feature", 1, "ls", image, message="future.img: .*0x10000000000")


def mbr(path, entries, at=0):
    """A table of (type, first sector, sectors)."""
    table = b"".join(struct.pack("<B3xB3xII", 0, kind, first, count) for kind, first, count in entries)
    patch(path, 512 * at + 446, table.ljust(64, b"\0") + b"\x55\xaa")


def with_file_system(name):
    """An image whose ext4 begins at 1 MiB."""
    harness.mkfs("inner.img", "ext4", 32 * MIB)
    with open("inner.img", "rb") as source, open(name, "wb") as target:
        target.truncate(64 * MIB)
        target.seek(MIB)
        shutil.copyfileobj(source, target)
    return name


def partitions():
    """What can be used of a table is used, and the rest is an answer."""
    inner = (0x83, 2048, 65536)
    tables = {
        "overlapping": [inner, (0x83, 4096, 65536)],
        "beyond the end": [inner, (0x83, 100000, 10 * SECTORS)],
        "far beyond the end": [inner, (0x83, 0xFFFFFFF0, 0xFFFFFFFF)],
        "of no sectors": [inner, (0x83, 70000, 0)],
        "twice the same": [inner, inner],
        "beside a protective one": [inner, (0xEE, 1, SECTORS - 1)],
        "an extended one in itself": [inner, (0x05, 0, SECTORS)],
    }
    for name, table in tables.items():
        image = with_file_system("parts.img")
        mbr(image, table)
        result = bounded.run("info", image)
        ok(not result.wrong(), f"partitions, {name}: info has an answer", result)
        result = bounded.run("ls", "-p", "1", image)
        ok(not result.wrong() and (result.code == 1 or b"lost+found" in result.out), f"partitions, {name}: so has ls", result)
    image = with_file_system("parts.img")
    mbr(image, [inner, (0x05, 70000, 50000)])
    mbr(image, [(0x83, 63, 1000), (0x05, 1000, 1000)], 70000)
    mbr(image, [(0x83, 63, 1000), (0x05, 0, 1000)], 71000)
    result = bounded.run("info", image)
    ok(not result.wrong(), "extended partitions that go round in circles: an answer", result)
    result = bounded.run("ls", "-p", "1", image)
    ok(result.code == 0 and b"lost+found" in result.out, "and the partition before them can be used", result)
    expect("a partition beyond the end", 1, "ls", "-p", "7", image, message="parts.img: ")


def hybrid():
    """A GPT whose protective table has one of its partitions beside the protective entry, for firmware: the GPT counts."""
    first, length = 2048, 65536
    harness.mkfs("inner.img", "ext4", length * 512)
    harness.gpt("hybrid.img", 64 * MIB, [(first * 512, length * 512, "data", "00000000-0000-0000-0000-000000000001")])
    with open("inner.img", "rb") as source, open("hybrid.img", "r+b") as target:
        target.seek(first * 512)
        shutil.copyfileobj(source, target)
    for name, entries in {"first": [(0xEE, 1, first - 1), (0x83, first, length)],
                          "last": [(0x83, first, length), (0xEE, 1, first - 1)]}.items():
        mbr("hybrid.img", entries)
        result = expect(f"hybrid tables, the protective entry {name}: info", 0, "info", "--json", "hybrid.img", message="^$")
        told = json.loads(result.out)
        ok(told["partition_table"] == "gpt" and [(p["number"], p["mounted"]) for p in told["places"]] == [(1, True)], "it is a GPT", told)
        result = expect("its partition can be used", 0, "ls", "-p", "data", "hybrid.img", message="^$")
        ok(b"lost+found" in result.out, "and has what it should", result)


def full_host(image):
    """The host takes no more in the middle of a copy: told, exit 1, and no half of a file is left."""
    with open("large", "wb") as file:
        file.write(os.urandom(8 * MIB))
        file.truncate(300 * MIB)
    expect("a large file and a small one in", 0, "cp", "large", "small", f"{image}:/", message="^$")
    os.mkdir("out")
    limits = {resource.RLIMIT_FSIZE: (MIB, MIB)}
    expect("a limit that leaves the kernel no memory", 1, "ls", image, message="raise the limit", limits=limits)
    limits = {resource.RLIMIT_AS: (200 * MIB, 200 * MIB)}
    expect("a limit that leaves no room for what lies over the image", 1, "ls", image, message="raise ulimit -v", limits=limits)
    limits = {resource.RLIMIT_DATA: (20 * MIB, 20 * MIB)}
    expect("the same by a limit of data", 1, "ls", image, message="raise ulimit -d", limits=limits)
    for args in (("ls", image), ("mkdir", f"{image}:/new"), ("df", image)):
        for size in (2500 << 10, 3200 << 10, 12 * MIB, 15 * MIB):
            limits = {resource.RLIMIT_DATA: (size, size)}
            if run("help", limits=limits).code == -signal.SIGSEGV:
                harness.skip(f"too little data: {args[0]}", "the host does not even start a program with so much of its own")
                continue
            expect(f"too little data: {args[0]}", 1, *args, message=r"the limit of data is .*raise it: ulimit -d", limits=limits)
    limits = {resource.RLIMIT_FSIZE: (260 * MIB, 260 * MIB)}
    result = run("cp", f"{image}:/large", f"{image}:/small", "out", limits=limits)
    ok(result.code == 1 and "large: " in result.err and "File too large" in result.err, "files of the host's are bounded: told", result)
    ok(os.listdir("out") == ["small"], "the file that fits is there, no half of the other", os.listdir("out"))
    with open("long", "wb") as long:
        long.truncate(300 * MIB)
        long.seek(0, os.SEEK_END)
        result = run("ls", image, stdout=long, limits=limits)
        ok(result.code == 1 and "standard output: File too large" in result.err, "so is what is shown", result)
    # The first process of a namespace is spared the signal.
    result = harness.tool("./without", "namespaces", "prlimit", f"--fsize={260 * MIB}", harness.program(), "cp", f"{image}:/large", "alone")
    ok(result.returncode == 1 and "File too large" in result.stdout and not os.path.exists("alone"), "the same without namespaces", result.stdout)
    made = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=2m none out || exit 77; "$@"; code=$?; ls out; exit $code', "sh"]
    result = harness.tool(*made, harness.program(), "cp", f"{image}:/large", f"{image}:/small", "out")
    if result.returncode == 77 or "unshare" in result.stdout:
        harness.skip("a host's disk that is full", f"no namespace with a tmpfs here: {result.stdout.strip()}")
        return
    ok(result.returncode == 1 and "large: " in result.stdout and "no space is left" in result.stdout, "a host's disk that is full: told", result.stdout)
    ok("large" not in result.stdout.splitlines(), "and no half of the file is left", result.stdout)


def closed(image, *args):
    """Without any of the three descriptors, and without a terminal."""
    words = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", harness.program(), *args]
    return subprocess.run(words, start_new_session=True, timeout=harness.TIMEOUT).returncode


def no_descriptors(image):
    ok(closed(image, "mkdir", f"{image}:/made") == 0, "mkdir without standard descriptors")
    ok(closed(image, "cp", "missing", "small", f"{image}:/made") == 1, "cp of what is missing, without them: exit 1")
    result = run("cat", f"{image}:/made/small")
    ok(result.out == b"small\n", "what was to be copied is there", result)
    ok(closed(image, "ls", image) in (0, 1), "ls without them ends")
    check(image, "ext4")


def main():
    helpers = harness.helpers("without")
    harness.start()
    harness.place(helpers)
    with open("small", "wb") as file:
        file.write(b"small\n")
    features()
    partitions()
    hybrid()
    image = harness.mkfs("disk.img", "ext4", 64 * MIB)
    full_host(image)
    no_descriptors(image)
    harness.done()


main()
