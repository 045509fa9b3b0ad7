#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Broken images that the authors of file systems' tools test with: each is answered, within bounds, and not changed.

usage: published.py PACKAGE[-long][=WORD]    -long: the large ones, too. WORD: only images whose names have it
"""

import bz2
import gzip
import lzma
import os
import re
import subprocess
import sys
import tarfile

import bounded
import harness
import kinds
import mutate
from harness import ok

UNAVAILABLE = 69  # of scripts/sources: there is no way to get the package
LARGE = 160 << 20  # bytes of an image that takes long to unpack
PIECE = 64 << 10
# Where each package has its images
PLACES = {
    "e2fsprogs": r"/(tests/[^/]+/(image\d*(\.orig)?|journal)|lib/blkid/tests/.*\.img)(\.gz|\.bz2|\.xz)?$",
    "btrfs-progs": r"/tests/.*\.(img|raw)(\.xz)?$",
    "dosfstools": r"/tests/.*\.xxd$",
}
# Images and different answers, with fewer of which the test has gone blind. The driver for FAT minds nothing in the third.
LEAST = {"e2fsprogs": (200, 50), "btrfs-progs": (100, 20), "dosfstools": (30, 1)}
BTRFS_DUMP = bytes.fromhex("8b669572e2255cbd")  # what btrfs-image(8) writes begins so
COMMANDS = (["info", "disk.img"], ["check", "disk.img"], ["tar", "-f", "/dev/null", "disk.img"])


class TooLarge(Exception):
    """Left to the long run."""


UNPACK = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}


def get(package):
    """Returns the archive, open: who tests has no rights in the directory where it is kept."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/sources")
    got = subprocess.run([script, package], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if got.returncode == UNAVAILABLE:
        harness.tap.skip_all(" ".join(got.stderr.split()))
    if got.returncode:
        sys.exit(f"Bail out! {got.stderr}")
    return open(got.stdout.strip(), "rb")


def write(source, path, limit):
    """With holes, as the images are mostly empty."""
    empty = bytes(PIECE)
    with open(path, "wb") as file:
        while data := source.read(PIECE):
            if file.tell() + len(data) > limit:
                raise TooLarge()
            if data == empty:
                file.seek(PIECE, os.SEEK_CUR)
            else:
                file.write(data)
        file.truncate()


def write_dump(text, path):
    """What xxd(1) dumped, with runs of zeroes left out."""
    with open(path, "wb") as file:
        for line in text:
            offset, colon, more = line.decode().partition(":")
            if colon:
                file.seek(int(offset, 16))
                file.write(bytes.fromhex(more.split("  ")[0]))


def unpack(name, packed, limit):
    """Make disk.img of what the archive has."""
    ending = name.rpartition(".")[2]
    if ending == "gz":  # the size is in the last four bytes, which saves the work
        packed.seek(-4, os.SEEK_END)
        if int.from_bytes(packed.read(), "little") > limit:
            raise TooLarge()
        packed.seek(0)
    if ending == "xxd":
        write_dump(packed, "disk.img")
    else:
        write(UNPACK[ending](packed) if ending in UNPACK else packed, "disk.img", limit)
    with open("disk.img", "rb") as file:
        dump = file.read(len(BTRFS_DUMP)) == BTRFS_DUMP
    if dump:
        os.rename("disk.img", "dump")
        restored = harness.tool("btrfs-image", "-r", "dump", "disk.img")
        os.unlink("dump")
        if restored.returncode:
            raise RuntimeError(restored.stdout)
        if os.path.getsize("disk.img") > limit:
            raise TooLarge()


def state():
    """The image as it is, its holes included; what is read must not have changed it."""
    found = mutate.Base("disk.img")
    return found.size, found.extents


class Package:
    """@wrong, @changed, @ended: texts. @answers: how often each was given"""

    def __init__(self, limit):
        self.limit = limit
        self.images = self.large = self.mounted = self.commands = 0
        self.wrong, self.changed, self.ended = [], [], []
        self.answers = {}
        self.slowest = (0, None)
        self.memory = 0

    def command(self, name, args):
        result = bounded.run(*args)
        wrong = result.wrong((0, 1, 3))  # 3: of tar, attributes that cannot be read
        self.commands += 1
        self.memory = max(self.memory, result.memory)
        self.slowest = max(self.slowest, (round(result.cpu, 2), f"{args[0]} of {name}"))
        answer = re.sub(r"\d+", "N", result.err)
        self.answers[answer] = self.answers.get(answer, 0) + 1
        if result.kernel_ended:
            self.ended.append(f"{args[0]} of {name}: {result.err.splitlines()[-2:]}")
        if wrong:
            self.wrong.append(f"{name}: {' '.join(args)}: {wrong}\n{result}")
        return result

    def image(self, name, packed):
        try:
            unpack(name, packed, self.limit)
        except TooLarge:
            self.large += 1
            return
        self.images += 1
        before = state()
        for args in COMMANDS:
            result = self.command(name, args)
        self.mounted += result.code == 0
        if state() != before:
            self.changed.append(name)


def main():
    package, large, word = re.fullmatch(r"(.*?)(-long)?(?:=(.*))?", sys.argv[1]).groups()
    with get(package) as archive:
        harness.start()
        os.environ["RUMPUS_COMMAND_LINE"] = "rump.hung_ms=3000"  # who waits for nothing at all need not wait for minutes
        kinds.find_programs()
        found = Package(sys.maxsize if large else LARGE)
        with tarfile.open(fileobj=archive) as members:
            for member in members:
                if member.isfile() and re.search(PLACES[package], member.name) and (word or "") in member.name:
                    found.image(member.name.partition("/")[2], members.extractfile(member))
    ok(not found.wrong, f"{package}: {found.commands} commands on {found.images} images end with an answer", "\n\n".join(found.wrong))
    ok(not found.changed, f"{package}: no image is changed by what reads it", "\n".join(found.changed))
    if not word:
        images, answers = LEAST[package]
        ok(found.images + found.large >= images, f"{package}: its images were found", found.images, found.large)
        ok(found.mounted and len(found.answers) >= answers,
           f"{package}: {found.mounted} can be read all the same, and {len(found.answers)} different things are said", found.answers)
    for text in found.ended:
        print(f"# kernel ended, {text}")
    print(f"# {package}: {found.large} images left out as too large, slowest {found.slowest[0]} s ({found.slowest[1]}), "
          f"{found.memory >> 20} MiB at most")
    harness.done()


main()
