#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""8 GiB through a mount: the server stays small, and the host's memory has the data at most once."""

import os
import re
import sys

import mounting

import harness
from harness import ok

PIECE = 1 << 20
PIECES = 8192
SPACE = 10 << 30  # bytes that the sparse image and its journal may come to take
SERVER_MAX = 128 << 20  # bytes, worker and supervisor together, what they share counted twice
IMAGE_MAX = 64 << 20  # bytes of the image that the host may cache; the data is in its cache already


def piece(number):
    return number.to_bytes(8, "little") * (PIECE // 8)


def write():
    with open("m/w/large", "wb", buffering=0) as file:
        for number in range(PIECES):
            file.write(piece(number))
        os.fsync(file.fileno())


def wrong_pieces():
    with open("m/w/large", "rb", buffering=0) as file:
        return [number for number in range(PIECES) if file.read(PIECE) != piece(number)]


def most_memory(process):
    """Bytes that the server had at most."""
    total = 0
    for pid in (process.pid, mounting.worker(process.pid)):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            total += int(re.search(r"VmHWM:\s*(\d+) kB", file.read()).group(1)) << 10
    return total


def cached(path):
    """Bytes of a file that the host has in memory."""
    return int(harness.tool("fincore", "-b", "-n", "-r", "-o", "RES", path).stdout)


def leave_out(path):
    """The host puts what it has of a file out of memory."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def once(image, direct, when):
    in_file, in_image = cached("m/w/large"), cached(image)
    told = f"of the file {in_file >> 20} MiB, of the image {in_image >> 20} MiB"
    if direct:
        ok(in_image <= IMAGE_MAX and in_file > in_image, f"{when}, the data is in memory once: {told}")
    else:
        harness.skip(f"{when}, the data is in memory once", f"no direct I/O where the image is; {told}")


def main():
    mounting.start()
    room = os.statvfs(".")
    if room.f_bavail * room.f_frsize < SPACE:
        print(f"1..0 # SKIP the image takes {SPACE >> 30} GiB")
        os._exit(77)
    kind = sys.argv[1]
    image = harness.mkfs("disk.img", kind, SPACE)
    harness.expect("a directory", 0, "mkdir", "-m", "777", f"{image}:/w")
    with open("said", "wb+") as said:
        process = mounting.start_foreground(image, "m", "-v", stderr=said)
        write()
        most = most_memory(process)
        ok(most < SERVER_MAX, f"{PIECES} MiB are written with {most >> 20} MiB of memory")
        direct = b"direct" in mounting.read("said")
        once(image, direct, "when it is written")
        leave_out("m/w/large")
        wrong = wrong_pieces()
        ok(not wrong, "all of it is read as it was written", wrong[:5])
        most = most_memory(process)
        ok(most < SERVER_MAX, f"with {most >> 20} MiB of memory")
        once(image, direct, "when it is read")
        ok(mounting.umount("m").code == 0 and harness.collect(process).code == 0, "it is unmounted", mounting.read("said"))
    mounting.finish()


main()
