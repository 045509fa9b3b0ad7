#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Damage to images, by seed: where their metadata is, and past the checksums of some.

usage: mutate.py IMAGE KIND SEED    change IMAGE in place, and say what was done

Contents of files are told from metadata by CONTENT, with which the files of the image are to be filled. Nothing is known of
any file system, but for the checksums in checksums.py.
"""

import os
import random
import sys

import checksums

CONTENT = b"contents of a file, not metadata"
PAGE = 4096
SECTOR = 512
AREA = 65536  # sectors of one area share its chance: a log does not get all
HEAD = 8  # of the sectors that are in use, the first so many: superblocks
WORDS = (1, 2, 2, 4, 4, 4, 8)  # bytes of a field


def extents(path):
    """What is no hole: (offset, contents)"""
    with open(path, "rb") as file:
        at = 0
        while at < os.path.getsize(path):
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            yield start, os.pread(file.fileno(), at - start, start)


class Base:
    """An image as it was made, in memory but for its holes."""

    def __init__(self, path):
        self.size = os.path.getsize(path)
        self.extents = list(extents(path))
        self.metadata = list(self._metadata())
        self.areas = {}
        for sector in self.metadata:
            self.areas.setdefault(sector // AREA, []).append(sector)
        self.areas = list(self.areas.values())

    def _metadata(self):
        empty = bytes(SECTOR)
        for start, data in self.extents:
            for at in range(0, len(data), SECTOR):
                sector = data[at:at + SECTOR]
                if sector != empty[:len(sector)] and sector.count(CONTENT) < 2:
                    yield start + at

    def is_at(self, path):
        """Are the contents of the image at @path these?"""
        with open(path, "rb") as file:
            return os.path.getsize(path) == self.size \
                and all(os.pread(file.fileno(), len(data), start) == data for start, data in self.extents) \
                and all(self.read(start, len(data)) == data for start, data in extents(path))

    def read(self, offset, length):
        """As from the file: shorter at its end, holes as zeroes."""
        found = bytearray(max(0, min(length, self.size - offset)))
        for start, data in self.extents:
            low, high = max(start, offset), min(start + len(data), offset + len(found))
            if low < high:
                found[low - offset:high - offset] = data[low - start:high - start]
        return bytes(found)


class Mutant:
    """What one seed makes of a base."""

    def __init__(self, base, kind, seed):
        self.base = base
        self.size = base.size
        self.pages = {}  # number: contents
        self.told = []
        self.random = random.Random(f"{kind} {seed}")
        for _ in range(self.random.choice((1, 1, 2, 3, 5, 8, 13))):
            self.random.choices(CHANGES, CHANCES)[0](self)
        if self.random.random() < 0.6 and checksums.repair(kind, self):
            self.told.append("checksums repaired")

    def __str__(self):
        return "; ".join(self.told)

    def read(self, offset, length):
        found = bytearray(self.base.read(offset, length))
        for number in range(offset // PAGE, (offset + length - 1) // PAGE + 1):
            if number in self.pages:
                low, high = max(number * PAGE, offset), min((number + 1) * PAGE, offset + len(found))
                found[low - offset:high - offset] = self.pages[number][low - number * PAGE:high - number * PAGE]
        return bytes(found)

    def write(self, offset, data):
        data = data[:max(0, self.base.size - offset)]
        for number in range(offset // PAGE, (offset + len(data) - 1) // PAGE + 1):
            page = self.pages.setdefault(number, bytearray(self.base.read(number * PAGE, PAGE)))
            low, high = max(number * PAGE, offset), min((number + 1) * PAGE, offset + len(data))
            page[low - number * PAGE:high - number * PAGE] = data[low - offset:high - offset]

    def pick(self, things):
        """As random.choice(), but for a base that differs a little it takes about the same, and then goes on the same."""
        return things[int(self.random.random() * len(things))]

    def place(self):
        """A byte offset: mostly where metadata is, superblocks more often than the rest."""
        chance = self.random.random()
        if chance < 0.1:
            return self.pick(range(self.base.size))
        if chance < 0.25:
            sector = self.pick(self.base.metadata[:HEAD])
        else:
            sector = self.pick(self.pick(self.base.areas))
        used = [at for at, byte in enumerate(self.base.read(sector, SECTOR)) if byte] or [0]
        return sector + self.pick(used if self.random.random() < 0.7 else range(SECTOR))

    def flip(self):
        at = self.place()
        bit = self.random.randrange(8)
        self.write(at, bytes([self.read(at, 1)[0] ^ 1 << bit]))
        self.told.append(f"bit {bit} of byte {at:#x} flipped")

    def extreme(self):
        """A field gets a value that its neighbours do not expect."""
        width = self.random.choice(WORDS)
        order = self.random.choice(("little", "little", "big"))
        at = self.place() // width * width
        old = int.from_bytes(self.read(at, width), order)
        top = 1 << 8 * width
        new = self.random.choice((0, 1, top - 1, top // 2, top // 2 - 1, old + 1, old - 1, old * 2, old // 2, top - old,
                                  old + 0x100, self.random.randrange(top))) % top
        self.write(at, new.to_bytes(width, order))
        self.told.append(f"{8 * width} bits at {at:#x}, {order} end first: {new:#x} instead of {old:#x}")

    def fill(self):
        length = self.random.choice((16, 64, SECTOR, PAGE))
        at = self.place() // length * length
        byte = self.random.choice((0, 0, 0, 0xff))
        self.write(at, bytes([byte]) * length)
        self.told.append(f"{length} bytes at {at:#x} set to {byte:#x}")

    def noise(self):
        length = self.random.choice((4, 16, 64, SECTOR))
        at = self.place() // 4 * 4
        self.write(at, self.random.randbytes(length))
        self.told.append(f"{length} bytes at {at:#x} at random")

    def swap(self):
        """Or, half of the time, one of them twice."""
        length = self.random.choice((SECTOR, PAGE))
        one, other = self.place() // length * length, self.place() // length * length
        before, after = self.read(one, length), self.read(other, length)
        self.write(one, after)
        if self.random.random() < 0.5:
            self.write(other, before)
            self.told.append(f"{length} bytes at {one:#x} and {other:#x} swapped")
        else:
            self.told.append(f"{length} bytes at {one:#x} are those of {other:#x}")

    def cut(self):
        self.size = self.random.choice((self.place(), self.random.randrange(1, self.base.size)))
        self.size = max(SECTOR, self.size // SECTOR * SECTOR)
        self.told.append(f"cut off after {self.size} bytes")

    def apply(self, path):
        """Change the image at @path, which is as the base."""
        with open(path, "r+b", buffering=0) as file:
            for number, page in self.pages.items():
                os.pwrite(file.fileno(), page, number * PAGE)
            if self.size != self.base.size:
                file.truncate(self.size)

    def undo(self, path):
        """The image at @path, which apply() changed, is as the base again."""
        with open(path, "r+b", buffering=0) as file:
            file.truncate(self.base.size)
            for number in self.pages:
                os.pwrite(file.fileno(), self.base.read(number * PAGE, PAGE), number * PAGE)
            for start, data in self.base.extents:
                if start + len(data) > self.size:
                    skip = max(0, self.size - start)
                    os.pwrite(file.fileno(), data[skip:], start + skip)


CHANGES = (Mutant.extreme, Mutant.flip, Mutant.fill, Mutant.noise, Mutant.swap, Mutant.cut)
CHANCES = (45, 15, 12, 12, 12, 4)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    path, kind, seed = sys.argv[1:]
    mutant = Mutant(Base(path), kind, int(seed))
    mutant.apply(path)
    print(f"{path}: {mutant}")


if __name__ == "__main__":
    main()
